"""A skeleton with anny's bones, without flesh: for poses without the extra `human`."""

import numpy as np
from scipy.sparse import csr_matrix

from dancegen.corpus.human.body import Body

TRUNK = {
    "root": ("", 0.0, 0.14, -0.06),
    "spine05": ("root", 0.0, 0.155, 0.02),
    "spine04": ("spine05", 0.0, 0.25, 0.0),
    "spine03": ("spine04", 0.0, 0.35, 0.0),
    "spine02": ("spine03", 0.0, 0.45, 0.0),
    "spine01": ("spine02", 0.0, 0.55, 0.0),
    "neck01": ("spine01", 0.0, 0.72, 0.0),
    "neck02": ("neck01", 0.0, 0.76, 0.01),
    "neck03": ("neck02", 0.0, 0.80, 0.02),
    "head": ("neck03", 0.0, 0.83, 0.04),
    "jaw": ("head", 0.0, 0.835, 0.06),
}
SIDE = {
    "eye": ("head", 0.031, 0.87, 0.12),
    "clavicle": ("spine01", 0.025, 0.646, 0.026),
    "shoulder01": ("clavicle.", 0.10, 0.666, 0.028),
    "upperarm01": ("shoulder01.", 0.168, 0.627, 0.021),
    "upperarm02": ("upperarm01.", 0.231, 0.559, 0.022),
    "lowerarm01": ("upperarm02.", 0.357, 0.415, 0.029),
    "lowerarm02": ("lowerarm01.", 0.416, 0.349, 0.106),
    "wrist": ("lowerarm02.", 0.48, 0.286, 0.188),
    "pelvis": ("root", 0.0, 0.155, 0.019),
    "upperleg01": ("pelvis.", 0.109, 0.139, 0.016),
    "upperleg02": ("upperleg01.", 0.12, 0.034, 0.03),
    "lowerleg01": ("upperleg02.", 0.145, -0.316, 0.047),
    "foot": ("lowerleg01.", 0.181, -0.737, 0.006),
}


def stick_body() -> Body:
    """A body of 1.8 m whose vertices are the corners of its head and its soles."""
    rows = dict(TRUNK)
    for mark, sign in (("L", 1), ("R", -1)):
        for bone, (parent, x, y, z) in SIDE.items():
            rows[f"{bone}.{mark}"] = (parent + mark if parent.endswith(".") else parent, sign * x, y, z)
        for toe in range(1, 6):
            rows[f"toe{toe}-1.{mark}"] = (f"foot.{mark}", sign * (0.13 + 0.02 * toe), -0.79, 0.155)
        for finger in range(2, 6):
            for joint in (1, 2, 3):
                parent = f"finger{finger}-{joint - 1}.{mark}" if joint > 1 else f"wrist.{mark}"
                bend = 0.004 * joint**2
                place = (sign * (0.50 + 0.02 * joint), 0.25 - 0.02 * joint - bend, 0.27 + 0.02 * joint - 0.02 * finger)
                rows[f"finger{finger}-{joint}.{mark}"] = (parent, *place)
    bones = tuple(rows)
    corners = [(0, 0.85, 0.16), (0.075, 0.86, 0.05), (-0.075, 0.86, 0.05), (0, -0.82, 0)]
    faces = np.array([[0, 1, 2, 3]])
    return Body(
        vertices=np.array(corners, dtype=float),
        faces=faces,
        uv=np.zeros((4, 2)),
        uv_faces=faces,
        weights=csr_matrix((4, len(bones))),
        bones=bones,
        parents=tuple(bones.index(parent) if parent else -1 for parent, *_ in rows.values()),
        heads=np.array([place for _, *place in rows.values()], dtype=float),
    )
