import { choice } from "./choice.js";

export const format = choice({
  name: "format",
  group: "output",
  values: ["auto", "jpeg", "png", "webp"],
  initial: "auto",
  unsent: "auto",
  texts: {
    en: {
      label: "Format",
      hint: "Auto is the target's own format. PNG keeps every pixel, JPEG and WebP are smaller.",
      "value.auto": "Auto",
      "value.jpeg": "JPEG",
      "value.png": "PNG",
      "value.webp": "WebP",
    },
    zh: {
      label: "格式",
      hint: "自动即与目标图相同。PNG 无损，JPEG 和 WebP 文件更小。",
      "value.auto": "自动",
      "value.jpeg": "JPEG",
      "value.png": "PNG",
      "value.webp": "WebP",
    },
  },
});
