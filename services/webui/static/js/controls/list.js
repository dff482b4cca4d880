/** All controls, in the order of the page. A new one is a file beside this one and two lines here. */

import { brightness } from "./brightness.js";
import { contrast } from "./contrast.js";
import { faceThreshold } from "./face-threshold.js";
import { format } from "./format.js";
import { mode } from "./mode.js";
import { model } from "./model.js";
import { outputSize } from "./output-size.js";
import { quality } from "./quality.js";
import { ratio } from "./ratio.js";
import { saturation } from "./saturation.js";
import { shape } from "./shape.js";
import { smooth } from "./smooth.js";

/** Groups of the options panel; the group "ratio" stands under the result instead. */
export const groups = ["blend", "look", "detection", "output"];

export const controls = [
  ratio,
  mode,
  model,
  shape,
  smooth,
  brightness,
  contrast,
  saturation,
  faceThreshold,
  outputSize,
  format,
  quality,
];
