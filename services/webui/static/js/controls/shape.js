import { slider } from "./slider.js";

export const shape = slider({
  name: "shape",
  group: "look",
  min: 0,
  max: 1,
  step: 0.05,
  initial: 0.15,
  texts: {
    en: { label: "Proportions", hint: "Eyes, nose and mouth sit more as the source's do." },
    zh: { label: "五官比例", hint: "让眼睛、鼻子和嘴的位置更接近源图。" },
  },
});
