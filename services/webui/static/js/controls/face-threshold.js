import { slider } from "./slider.js";

export const faceThreshold = slider({
  name: "face_threshold",
  group: "detection",
  min: 0.1,
  max: 0.9,
  step: 0.05,
  initial: 0.5,
  texts: {
    en: {
      label: "Detection threshold",
      hint: "Lower finds more faces, higher only the certain ones.",
    },
    zh: { label: "检测阈值", hint: "越低找到的人脸越多，越高只保留确定的人脸。" },
  },
});
