import { choice } from "./choice.js";

export const mode = choice({
  name: "mode",
  group: "blend",
  values: ["normal", "blend", "overlay"],
  initial: "normal",
  texts: {
    en: {
      label: "Mode",
      hint: "Blend melts the light of both photos; Overlay keeps more of the target's shading.",
      "value.normal": "Normal",
      "value.blend": "Blend",
      "value.overlay": "Overlay",
    },
    zh: {
      label: "模式",
      hint: "“融合”让两张照片的光影过渡更自然，“叠加”保留更多目标图的明暗。",
      "value.normal": "普通",
      "value.blend": "融合",
      "value.overlay": "叠加",
    },
  },
});
