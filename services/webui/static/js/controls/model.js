import { choice } from "./choice.js";

export const model = choice({
  name: "model",
  group: "blend",
  values: ["unet", "mesh"],
  initial: "unet",
  texts: {
    en: {
      label: "Model",
      hint: "Learned follows light, hair and glasses better; Classical works without a network.",
      "value.unet": "Learned",
      "value.mesh": "Classical",
    },
    zh: {
      label: "模型",
      hint: "“学习”更好地处理光线、头发和眼镜，“经典”不使用神经网络融合。",
      "value.unet": "学习",
      "value.mesh": "经典",
    },
  },
});
