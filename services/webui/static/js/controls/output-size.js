import { choice } from "./choice.js";

export const outputSize = choice({
  name: "output_size",
  group: "output",
  values: ["original", "512", "1024", "2048"],
  initial: "original",
  texts: {
    en: {
      label: "Size",
      hint: "The longer side in pixels.",
      "value.original": "Original",
      "value.512": "512",
      "value.1024": "1024",
      "value.2048": "2048",
    },
    zh: {
      label: "尺寸",
      hint: "长边的像素数。",
      "value.original": "原尺寸",
      "value.512": "512",
      "value.1024": "1024",
      "value.2048": "2048",
    },
  },
});
