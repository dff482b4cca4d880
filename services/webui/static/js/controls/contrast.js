import { slider } from "./slider.js";

export const contrast = slider({
  name: "contrast",
  group: "look",
  min: -0.5,
  max: 0.5,
  step: 0.05,
  initial: 0,
  texts: {
    en: { label: "Contrast" },
    zh: { label: "对比度" },
  },
});
