from pathlib import Path

import numpy as np
import pytest

from dancegen import storage
from dancegen.errors import BadMediaError
from dancegen.skeleton import COCO18
from dancegen.steps.import_poses.formats import recordings
from dancegen.steps.import_poses.formats.bvh import MARGIN, coco_names, forward_kinematics, parse
from dancegen.steps.import_poses.settings import ImportPosesConfig

REAL = sorted((Path(__file__).parents[3] / "shared/media/motion").glob("*.bvh"))

# A person of 170 cm with stretched arms, y up, facing z: joint -> (its parent, offset in cm).
SIDE = {
    "collar": ("spine", (3, 20, 0)),
    "shoulder": ("collar", (15, 0, 0)),
    "elbow": ("shoulder", (28, 0, 0)),
    "wrist": ("elbow", (25, 0, 0)),
    "hip": ("root", (9, 0, 0)),
    "knee": ("hip", (0, -42, 0)),
    "ankle": ("knee", (0, -41, 0)),
}
PERSON = {
    "root": (None, (0, 90, 0)),
    "spine": ("root", (0, 30, 0)),
    "neck": ("spine", (0, 25, 0)),
    "head": ("neck", (0, 10, 0)),
}
for side, sign in (("left", 1), ("right", -1)):
    for joint, (parent, (x, y, z)) in SIDE.items():
        above = parent if parent in PERSON else f"{side}_{parent}"
        PERSON[f"{side}_{joint}"] = (above, (sign * x, y, z))

PARTS = ("root", "spine", "neck", "head", *SIDE)
CONVENTIONS = {  # names of PARTS; {Side}, {side}, {S}, {s} are left and right
    "mixamo": "mixamorig:Hips mixamorig:Spine mixamorig:Neck mixamorig:Head mixamorig:{Side}Shoulder "
    "mixamorig:{Side}Arm "
    "mixamorig:{Side}ForeArm mixamorig:{Side}Hand mixamorig:{Side}UpLeg mixamorig:{Side}Leg mixamorig:{Side}Foot",
    "cmu": "Hips Spine Neck1 Head {Side}Shoulder {Side}Arm {Side}ForeArm {Side}Hand {Side}UpLeg {Side}Leg {Side}Foot",
    "poser": "hip chest neck head {s}Collar {s}Shldr {s}ForeArm {s}Hand {s}Thigh {s}Shin {s}Foot",
    "perfume": "Hips Chest Neck Head {Side}Collar {Side}Shoulder {Side}Elbow {Side}Wrist {Side}Hip {Side}Knee "
    "{Side}Ankle",
    "bandai": "joint_Root Spine Neck Head Shoulder_{S} UpperArm_{S} LowerArm_{S} Hand_{S} UpperLeg_{S} LowerLeg_{S} "
    "Foot_{S}",
    "unreal": "pelvis spine_01 neck_01 head clavicle_{s} upperarm_{s} lowerarm_{s} hand_{s} thigh_{s} calf_{s} "
    "foot_{s}",
    "rigify": "spine chest neck head shoulder.{S} upper_arm.{S} forearm.{S} hand.{S} thigh.{S} shin.{S} foot.{S}",
    "smpl": "Pelvis Spine1 Neck Head {S}_Collar {S}_Shoulder {S}_Elbow {S}_Wrist {S}_Hip {S}_Knee {S}_Ankle",
    "mocopi": "root torso_1 neck_1 head {s}_shoulder {s}_up_arm {s}_low_arm {s}_hand {s}_up_leg {s}_low_leg {s}_foot",
    "motionbuilder": "Character1_Hips Character1_Spine Character1_Neck Character1_Head Character1_{Side}Shoulder "
    "Character1_{Side}Arm Character1_{Side}ForeArm Character1_{Side}Hand Character1_{Side}UpLeg Character1_{Side}Leg "
    "Character1_{Side}Foot",
    "biped": "Bip01_Pelvis Bip01_Spine Bip01_Neck Bip01_Head Bip01~{S}~Clavicle Bip01~{S}~UpperArm Bip01~{S}~Forearm "
    "Bip01~{S}~Hand Bip01~{S}~Thigh Bip01~{S}~Calf Bip01~{S}~Foot",
    "mmd": "センター 上半身 首 頭 {J}肩 {J}腕 {J}ひじ {J}手首 {J}足 {J}ひざ {J}足首",
    "mmd in english": "center upper_body neck head shoulder_{S} arm_{S} elbow_{S} wrist_{S} leg_{S} knee_{S} ankle_{S}",
}


def naming(convention):
    """Joint of PERSON -> its name."""
    names = {}
    for part, name in zip(PARTS, CONVENTIONS[convention].replace("~", "\0").split(), strict=True):
        spelled = name.replace("\0", " ")
        if part not in SIDE:
            names[part] = spelled
        for side, japanese in (("left", "左"), ("right", "右")) if part in SIDE else ():
            names[f"{side}_{part}"] = spelled.format(
                Side=side.title(), side=side, S=side[0].upper(), s=side[0], J=japanese
            )
    return names


def bvh(frames=30, fps=30.0, names=None, turns=None, moves=None, top=(0, 18.7, 0), z_up=False):
    """A BVH file. `turns`: joint -> degrees (frames, 3) about Z, X, Y; `moves`: where the root is, (frames, 3)."""
    names, turns = names or naming("mixamo"), turns or {}
    lines, order = ["HIERARCHY"], []
    world = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) if z_up else np.eye(3)

    def add(joint, depth):
        order.append(joint)
        x, y, z = world @ PERSON[joint][1]
        children = [child for child, (parent, _) in PERSON.items() if parent == joint]
        channels = "3 Zrotation Xrotation Yrotation"
        if joint == "root":
            channels = "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation"
        lines.append(f"{'JOINT' if depth else 'ROOT'} {names[joint]}\n{{\nOFFSET {x} {y} {z}\nCHANNELS {channels}")
        for child in children:
            add(child, depth + 1)
        if not children:
            x, y, z = world @ top if joint == "head" else (0, 0, 0)
            lines.append(f"End Site\n{{\nOFFSET {x} {y} {z}\n}}")
        lines.append("}")

    add("root", 0)
    moves = np.tile(PERSON["root"][1], (frames, 1)) if moves is None else moves
    columns = [moves @ world.T] + [turns.get(joint, np.zeros((frames, 3))) for joint in order]
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1 / fps:.7f}"]
    lines += [" ".join(f"{number:.6f}" for number in row) for row in np.concatenate(columns, axis=1)]
    return "\n".join(lines) + "\n"


def read(path, text=None, **settings):
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    source = str(path)
    return list(recordings(ImportPosesConfig(format="bvh", source=source, poses="poses", **settings), source))


def at(recording, joint):
    """Where a joint is, in heights of the picture."""
    aspect = recording.width_px / recording.height_px
    return recording.joints[:, COCO18.index(joint), :2] * (aspect, 1)


def test_a_dancer_seen_from_the_front_has_the_left_on_the_right_and_the_head_on_top(tmp_path):
    (found,) = read(tmp_path / "dance.bvh", bvh(frames=60), dancer="me", category="pop")
    assert (found.uri, found.song) == (f"{tmp_path}/dance.bvh#azimuth=0", "dance")
    assert (found.dancer, found.category, found.audio_uri) == ("me", "pop", None)
    assert (found.width_px, found.height_px, found.fps) == (1280, 720, 10)
    assert found.joints.shape == (20, 18, 3)
    assert found.joints.dtype == np.float32
    assert (found.joints[..., 2] == 1).all()
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "eye", "ear"):
        assert (at(found, f"left_{joint}")[:, 0] > at(found, f"right_{joint}")[:, 0] + 0.005).all()
    from_top = ("left_eye", "nose", "neck", "left_hip", "left_knee", "left_ankle")
    heights = np.stack([at(found, joint)[:, 1] for joint in from_top], axis=1)
    assert (np.diff(heights, axis=1) > 0).all()
    np.testing.assert_allclose(
        at(found, "neck"), (at(found, "left_shoulder") + at(found, "right_shoulder")) / 2, atol=1e-5
    )


def test_a_body_keeps_its_proportions_whatever_the_shape_of_the_picture(tmp_path):
    for width_px, height_px in ((1280, 720), (300, 900)):
        (found,) = read(tmp_path / "a.bvh", bvh(), width_px=width_px, height_px=height_px)
        span = np.linalg.norm(at(found, "left_wrist") - at(found, "right_wrist"), axis=1)
        leg = np.linalg.norm(at(found, "left_hip") - at(found, "left_ankle"), axis=1)
        np.testing.assert_allclose(span / leg, 2 * (3 + 15 + 28 + 25) / 83, rtol=0.03)


@pytest.mark.parametrize("z_up", [False, True])
@pytest.mark.parametrize("heading_deg", [0, 130, 180])
def test_what_is_up_and_where_the_front_is_do_not_matter(tmp_path, z_up, heading_deg):
    (plain,) = read(tmp_path / "a.bvh", bvh())
    about_up = np.zeros((30, 3))
    about_up[:, 0 if z_up else 2] = heading_deg
    (found,) = read(tmp_path / "b.bvh", bvh(z_up=z_up, turns={"root": about_up}))
    np.testing.assert_allclose(found.joints, plain.joints, atol=1e-4)


def test_a_camera_further_round_sees_the_dancer_from_the_left(tmp_path):
    front, left, back = read(tmp_path / "a.bvh", bvh(), cameras=[0, 90, 180])
    assert left.uri.endswith("#azimuth=90")
    assert (at(left, "nose")[:, 0] < at(left, "left_ear")[:, 0] - 0.01).all()
    assert np.abs(at(left, "left_shoulder") - at(left, "right_shoulder"))[:, 0].max() < 0.01
    assert (at(back, "left_wrist")[:, 0] < at(back, "right_wrist")[:, 0]).all()
    assert (at(front, "left_wrist")[:, 0] > at(front, "right_wrist")[:, 0]).all()


def test_the_whole_dance_has_room_in_the_picture_and_fills_it(tmp_path):
    moves = np.stack([np.linspace(-300, 300, 60), np.full(60, 90), np.linspace(200, -200, 60)], axis=1)
    for found in read(tmp_path / "a.bvh", bvh(frames=60, moves=moves), cameras=[-40, 0, 70, 200]):
        places = found.joints[..., :2].reshape(-1, 2)
        assert places.min() >= MARGIN - 1e-5
        assert places.max() <= 1 - MARGIN + 1e-5
        assert (np.ptp(places, axis=0) > 1 - 2 * MARGIN - 1e-4).any()


def test_who_comes_nearer_is_larger(tmp_path):
    moves = np.stack([np.zeros(60), np.full(60, 90), np.linspace(-200, 200, 60)], axis=1)
    (found,) = read(tmp_path / "a.bvh", bvh(frames=60, moves=moves))
    leg = np.linalg.norm(at(found, "left_hip") - at(found, "left_ankle"), axis=1)
    assert (np.diff(leg) > 0).all()


@pytest.mark.parametrize("top", [(0, 18.7, 0), (0, 0, 0)])
def test_the_face_turns_with_the_head(tmp_path, top):
    head = np.zeros((90, 3))
    head[60:75, 2], head[75:, 2] = 60, -60
    (found,) = read(tmp_path / "a.bvh", bvh(frames=90, turns={"head": head}, top=top))
    middle = (at(found, "left_ear") + at(found, "right_ear")) / 2
    aside = (at(found, "nose") - middle)[:, 0]
    assert np.abs(aside[:20]).max() < 0.002
    assert (aside[20:25] > 0.02).all()  # to the dancer's left
    assert (aside[25:] < -0.02).all()


def test_time_is_kept_at_ten_poses_a_second(tmp_path):
    elbow = np.zeros((120, 3))
    elbow[60:, 0] = 90
    (found,) = read(tmp_path / "a.bvh", bvh(frames=120, fps=40.0, turns={"left_elbow": elbow}))
    raised = at(found, "left_elbow")[:, 1] - at(found, "left_wrist")[:, 1] > 0.1
    assert len(raised) == 30
    assert np.flatnonzero(raised).tolist() == list(range(15, 30))


def test_turns_are_made_in_the_order_of_the_channels_about_axes_that_turn_along():
    text = """HIERARCHY
ROOT a
{
  OFFSET 9 9 9
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT b
  {
    OFFSET 0 1 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    JOINT c { OFFSET 0 0 2 CHANNELS 4 Xposition Yposition Zposition Xrotation End Site { OFFSET 1 0 0 } }
  }
}
MOTION
Frames: 1
Frame Time: 0.1
1 2 3 90 90 0  90 0 0  0 0 5 0
"""
    take = parse(text, "a.bvh")
    assert [joint.name for joint in take.joints] == ["a", "b", "c"]
    assert take.joints[2].end.tolist() == [1, 0, 0]
    a, b, c = forward_kinematics(take.joints, take.motion, "a.bvh")
    np.testing.assert_allclose(a.place, [[1, 2, 3]])  # the channels, in the place of the offset
    # Z(90) X(90): y goes to z (X), which Z leaves; z goes to -y, which Z takes to x.
    np.testing.assert_allclose(b.place, [[1, 2, 4]], atol=1e-12)
    # Y(90) of b takes z to x; X(90) leaves x, and Z(90) takes it to y.
    np.testing.assert_allclose(c.place, [[1, 7, 4]], atol=1e-12)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_joints_are_known_by_the_names_of_many_programs(tmp_path, convention):
    names = naming(convention)
    found = coco_names(list(names.values()), "a.bvh")
    wanted = ["head"] + [f"{side}_{joint}" for side in ("left", "right") for joint in SIDE if joint != "collar"]
    assert {joint: list(names)[position] for joint, position in found.items()} == {joint: joint for joint in wanted}
    (plain,) = read(tmp_path / "a.bvh", bvh())
    (named,) = read(tmp_path / "b.bvh", bvh(names=names))
    np.testing.assert_array_equal(named.joints, plain.joints)


def test_japanese_names_in_shift_jis_are_read(tmp_path):
    assert read(tmp_path / "a.bvh", bvh(names=naming("mmd")).encode("cp932"))


def test_eyes_are_where_the_file_has_them():
    names = list(naming("mixamo").values())
    found = coco_names([*names, "mixamorig:LeftEye", "mixamorig:RightEye"], "a.bvh")
    assert (found["left_eye"], found["right_eye"]) == (len(names), len(names) + 1)


def test_the_joints_that_are_lacking_are_named_in_one_line(tmp_path):
    names = naming("mixamo") | {"left_wrist": "Paw", "right_knee": "Hock"}
    with pytest.raises(BadMediaError, match="has no joints for left_wrist, right_knee; it has ") as raised:
        read(tmp_path / "a.bvh", bvh(names=names))
    assert "Paw" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_one_leg_bone_is_not_both_thigh_and_shin(tmp_path):
    names = naming("mixamo") | {"left_hip": "Upper", "right_hip": "Upper2"}
    with pytest.raises(BadMediaError, match="no joints for left_hip, right_hip;"):
        read(tmp_path / "a.bvh", bvh(names=names))


def test_the_whole_frames_of_a_file_that_is_cut_off_are_kept(tmp_path):
    text = bvh(frames=60)
    (found,) = read(tmp_path / "a.bvh", text[: text.index("MOTION") + (len(text) - text.index("MOTION")) // 2])
    assert len(found.joints) == 10


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda text: "", "it has no MOTION"),
        (lambda text: text[: text.index("MOTION")], "it has no MOTION"),
        (lambda text: text[text.index("MOTION") :], "no ROOT, or is not closed"),
        (lambda text: text.replace("}\nMOTION", "MOTION"), "no ROOT, or is not closed"),
        (lambda text: text.replace("Frames: 30", "Frames: 0"), "no complete frame"),
        (lambda text: text.replace("Frame Time: 0.0333333", "Frame Time: 0"), "it has no MOTION"),
        (lambda text: text[: text.index("Frame Time") + 30], "no complete frame"),
        (lambda text: text.rsplit(" ", 1)[0] + " nan\n", "non-finite"),
        (lambda text: text.rsplit(" ", 1)[0] + " x\n", "not numeric"),
        (lambda text: text.replace("3 Zrotation Xrotation", "3 Zrotation Zrotation"), "about ZZY, which is not"),
        (lambda text: text.replace("-42", "0").replace("-41", "0"), "legs of length 0"),
    ],
)
def test_a_file_that_is_no_bvh_is_told_in_one_line(tmp_path, spoil, problem):
    with pytest.raises(BadMediaError, match=problem) as raised:
        read(tmp_path / "a.bvh", spoil(bvh()))
    assert str(tmp_path / "a.bvh") in str(raised.value)
    assert "\n" not in str(raised.value)


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path):
    (plain,) = read(tmp_path / "a.bvh", bvh())
    (found,) = read(tmp_path / "b.bvh", b"\xef\xbb\xbf" + bvh().replace("\n", "\r\n").encode())
    np.testing.assert_array_equal(found.joints, plain.joints)


def test_the_sound_has_the_name_of_the_file(tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music/dance.ogg").write_bytes(b"x")
    (found,) = read(tmp_path / "dance.bvh", bvh(), music=str(tmp_path / "music"))
    assert found.audio_uri == str(tmp_path / "music/dance.ogg")


def test_a_file_on_s3_is_read(s3):
    storage.write_text(f"{s3}/a.bvh", bvh())
    source = f"{s3}/a.bvh"
    (found,) = recordings(ImportPosesConfig(format="bvh", source=source, poses="poses"), source)
    assert found.uri == f"{s3}/a.bvh#azimuth=0"


@pytest.mark.skipif(not REAL, reason="no real motion capture beside this checkout")
def test_real_dancers_stand_on_their_feet_face_the_camera_and_look_ahead():
    for path in REAL:
        (found,) = read(path)
        for above, below in (("neck", "left_hip"), ("left_hip", "left_ankle")):
            assert (at(found, above)[:, 1] < at(found, below)[:, 1]).mean() > 0.9, path
        assert (at(found, "nose")[:, 1] < at(found, "neck")[:, 1]).mean() > 0.6, path  # one cowers in fear
        for joint in ("shoulder", "hip", "eye"):
            assert (at(found, f"left_{joint}") > at(found, f"right_{joint}"))[:, 0].mean() > 0.75, path


@pytest.mark.skipif(not REAL, reason="no real motion capture beside this checkout")
def test_in_real_files_toes_point_to_where_the_hips_face():
    for path in REAL:
        take = parse(path.read_text(), path.name)
        names = [joint.name for joint in take.joints]
        moved = forward_kinematics(take.joints, take.motion[::10], path.name)
        known = coco_names(names, path.name)
        toes = [position for position, name in enumerate(names) if "Toe" in name]
        along = sum(moved[toe].place - moved[take.joints[toe].parent].place for toe in toes)
        left = moved[known["left_hip"]].place - moved[known["right_hip"]].place
        ahead = np.cross(left, (0, 1, 0))
        assert ((along * ahead).sum(axis=1) > 0).mean() > 0.9, path
