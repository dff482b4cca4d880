import { slider } from "./slider.js";

export const smooth = slider({
  name: "smooth",
  group: "look",
  min: 0,
  max: 1,
  step: 0.05,
  initial: 0,
  texts: {
    en: { label: "Smooth skin", hint: "Evens out the skin, keeps eyes and mouth sharp." },
    zh: { label: "磨皮", hint: "使皮肤更平滑，保持眼睛和嘴清晰。" },
  },
});
