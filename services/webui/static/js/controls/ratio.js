import { slider } from "./slider.js";

export const ratio = slider({
  name: "ratio",
  group: "ratio",
  min: 0,
  max: 1,
  step: 0.01,
  initial: 0.5,
  format: (value) => `${Math.round(value * 100)}%`,
  texts: {
    en: { label: "Ratio", hint: "0% is the target as it is, 100% has the face of the source." },
    zh: { label: "融合比例", hint: "0% 保持目标图不变，100% 完全使用源图的人脸。" },
  },
});
