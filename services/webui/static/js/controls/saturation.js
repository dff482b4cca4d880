import { slider } from "./slider.js";

export const saturation = slider({
  name: "saturation",
  group: "look",
  min: -0.5,
  max: 0.5,
  step: 0.05,
  initial: 0,
  texts: {
    en: { label: "Saturation" },
    zh: { label: "饱和度" },
  },
});
