import { slider } from "./slider.js";

export const brightness = slider({
  name: "brightness",
  group: "look",
  min: -0.5,
  max: 0.5,
  step: 0.05,
  initial: 0,
  texts: {
    en: { label: "Brightness" },
    zh: { label: "亮度" },
  },
});
