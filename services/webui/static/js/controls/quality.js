import { slider } from "./slider.js";

export const quality = slider({
  name: "quality",
  group: "output",
  min: 50,
  max: 100,
  step: 1,
  initial: 90,
  texts: {
    en: { label: "Quality", hint: "For JPEG and WebP. Higher makes larger files." },
    zh: { label: "质量", hint: "用于 JPEG 和 WebP。越高文件越大。" },
  },
});
