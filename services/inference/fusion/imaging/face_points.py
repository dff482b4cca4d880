"""Names for the indices of the 478-point face mesh.

Left and right are as seen in the picture. Source: the topology of MediaPipe's face mesh
(Apache-2.0), canonical_face_model and its published contours.
"""

# fmt: off
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
        152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
LIPS_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39,
              40, 185)
LIPS_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81,
              80, 191)
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
LEFT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
# fmt: on

EYES = (LEFT_EYE, RIGHT_EYE)
BROWS = (LEFT_BROW, RIGHT_BROW)
IRISES = ((468, (469, 470, 471, 472)), (473, (474, 475, 476, 477)))  # centre, rim

EYE_CORNERS = ((33, 133), (362, 263))
EYE_LIDS = (((160, 144), (159, 145), (158, 153)), ((385, 380), (386, 374), (387, 373)))
MOUTH_CORNERS = (78, 308)  # of the inner outline
MOUTH_LIDS = ((81, 178), (13, 14), (311, 402))
NOSE_TIP, NOSE_BASE = 1, 2
MESH_POINTS = 468  # the rest are irises
