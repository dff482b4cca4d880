import { slider } from "./slider.js";

export const shape = slider({
  name: "shape",
  group: "look",
  min: 0,
  max: 1,
  step: 0.05,
  initial: 0,
  texts: {
    en: { label: "Face shape", hint: "Moves its outline and proportions towards the source." },
    zh: { label: "脸型", hint: "让脸部轮廓和五官比例向源图靠近。" },
  },
});
