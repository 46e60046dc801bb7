"""The pages that show each video with its verdict."""

import re
from html import unescape
from html.parser import HTMLParser

from dancegen.pages.report import COLUMNS, picture_name, write_pages

GOOD = {
    **dict.fromkeys(COLUMNS),
    **{"uri": "/videos/a.mp4", "category": "kpop", "song": "a", "dancer": "d", "frames": 300, "fps": 10.0},
    **{"width_px": 640, "height_px": 480, "missing_share": 0.021, "repaired_share": 0.013, "people": 1.5},
    **{"cuts": [120], "switches": 0, "usable_s": 24.5, "loudness_db": -18.2, "tempo_bpm": 119.6},
    **{"tempo_confidence": 0.62, "estimator": "mediapipe"},
}


def bad(name, error):
    return {**dict.fromkeys(COLUMNS), "uri": f"/videos/{name}.mp4", "error": f"/videos/{name}.mp4: {error}"}


def text_of(page):
    """What a reader sees."""
    words = []
    parser = HTMLParser()
    parser.handle_data = words.append
    parser.feed(page)
    return re.sub(r"\s+", " ", " ".join(words))


def pages(folder, poses, cuts=()):
    write_pages(str(folder / "report"), "Poses", list(poses), list(cuts), str(folder / "report"))
    return {path.name: path.read_text() for path in sorted((folder / "report").glob("*.html"))}


def test_a_good_video_is_shown_with_its_figures(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / picture_name("/videos/a.mp4")).write_bytes(b"jpeg")
    page = pages(tmp_path, [GOOD])["index.html"]
    assert f'<img src="./{picture_name("/videos/a.mp4")}"' in page
    said = text_of(page)
    for fact in (
        "a.mp4",
        "30.0 s, 640x480",
        "missing 2.1 %",
        "repaired 1.3 %",
        "people 1.5",
        "shots 2",
        "usable 24.5 s",
    ):
        assert fact in said
    assert "loudness -18 dBFS" in said
    assert "120 bpm (confidence 0.62)" in said


def test_names_and_reasons_cannot_become_markup(tmp_path):
    name = "<script>alert(1)</script>&"
    page = pages(tmp_path, [{**GOOD, "uri": f"/videos/{name}.mp4"}, bad("b", "shows <b>nobody</b>.")])["index.html"]
    assert "<script" not in page
    assert "<b>nobody" not in page
    assert "alert(1)" in unescape(page)


def test_reasons_are_counted_whatever_their_numbers_and_bad_videos_come_first(tmp_path):
    nobody = [bad(f"n{share}", f"nobody was found in {share}% of the frames. Use others.") for share in (61, 77)]
    said = text_of(pages(tmp_path, [GOOD, *nobody, bad("s", "is silent (-120 dBFS). Use others.")])["index.html"])
    assert "2 nobody was found in … of the frames" in said
    assert "1 is silent " in said
    assert "set aside 3" in said
    assert said.rindex("n61.mp4") < said.index("a.mp4")


def test_after_cutting_the_pages_say_how_many_clips_each_video_gave_and_why_not_more(tmp_path):
    cut = {"uri": "/videos/a.mp4", "split": "train", "clips": 7, "left_out": [("crosses a cut", 2)], "error": None}
    said = text_of(pages(tmp_path, [GOOD], [cut])["index.html"])
    assert "7 clips, train" in said
    assert "2 windows: crosses a cut" in said
    assert "windows left out 2" in said
    assert "set aside 0" in said
    none = {**cut, "clips": None, "error": "/videos/a.mp4: has no sure beat (confidence 0.10). Use others."}
    said = text_of(pages(tmp_path, [GOOD], [none])["index.html"])
    assert "set aside 1" in said
    assert "1 has no sure beat " in said


def test_many_videos_are_spread_over_pages_that_lead_to_each_other(tmp_path):
    made = pages(tmp_path, [{**GOOD, "uri": f"/videos/{number:04d}.mp4"} for number in range(450)])
    assert sorted(made) == ["index.html", "page2.html", "page3.html"]
    assert 'href="page3.html"' in made["index.html"]
    assert sum(page.count("<article>") for page in made.values()) == 450


def test_sound_without_a_beat_and_no_sound_are_said(tmp_path):
    no_beat = {**GOOD, "tempo_bpm": None}
    no_sound = {**GOOD, "uri": "/videos/b.mp4", "loudness_db": None, "tempo_bpm": None}
    said = text_of(pages(tmp_path, [no_beat, no_sound])["index.html"])
    assert "no beat" in said
    assert "no audio" in said
