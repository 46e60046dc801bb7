"""A table of renders as static pages: what they show, how they link, and what titles can do to them."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import boto3
import numpy as np
import pytest
from click.testing import CliRunner

from dancegen import schema, storage, tables
from dancegen.cli import main
from dancegen.media.video import frames
from dancegen.tools.gallery.run import link, run
from dancegen.tools.gallery.search_index import MOST, Found, file_name, shards, words
from dancegen.tools.gallery.settings import GalleryConfig

HOSTILE = """<img src=x onerror=alert(1)> "><script>alert(2)</script> {{ 7*7 }} é"""


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag, name):
        return [attributes[name] for kind, attributes in self.elements if kind == tag and name in attributes]


def row(uri, video=None, error=None, **others):
    known = {
        "version": "1",
        "seconds": 2.0,
        "seed": 7,
        "look": "avatar",
        "wall_s": 1.0,
        "counted_bpm": 120.2,
        "style": "krump",
        "energy": 1.25,
    }
    return {"uri": uri, "output_uri": video, "error": error, **known, **others}


def write(uri, rows):
    tables.begin(uri, schema.RENDERS, {})
    for one in rows:
        tables.write_part(uri, schema.table(schema.RENDERS, [one]), one["uri"])
    return uri


@pytest.fixture
def library(tmp_path, make_video):
    """Two videos, one that is lost, and 205 failures. Returns the table."""
    videos = tmp_path / "videos"
    videos.mkdir()
    pictures = [np.full((36, 64, 3), 12 * number, np.uint8) for number in range(20)]
    for name in ("one", "50% & #2"):
        make_video(videos / f"{name}.mp4", pictures, fps=10)
    good = [
        row(f"/songs/{HOSTILE.replace('/', '∕')}.mp3", str(videos / "one.mp4")),
        row("/songs/50% & #2.mp3", str(videos / "50% & #2.mp4"), note="it is silent"),
        row("/songs/lost.mp3", str(videos / "lost.mp4")),
    ]
    bad = [
        row(f"/songs/bad {number:03}.mp3", error=f"/songs/bad {number:03}.mp3: is {number} s long. Cut it.")
        for number in range(205)
    ]
    return write(str(tmp_path / "videos_renders"), [*good, *bad])


def gallery(library, output, **settings):
    return [*run(GalleryConfig(renders=library, output=str(output), **settings))]


def test_the_pages_show_videos_and_failures_with_their_reasons(library, tmp_path):
    lines = gallery(library, tmp_path / "gallery", title="My dances")
    assert lines[-1] == f"3 videos and 205 failures: {tmp_path}/gallery/index.html"
    assert "lost.mp4" in lines[0]
    page = Page(tmp_path / "gallery" / "index.html")
    links = page.all("a", "data-preview")
    assert len(links) == 2  # and one without a preview
    assert [kind for kind, attributes in page.elements if attributes.get("class") == "poster"] == ["a"] * 3
    assert "../videos/50%25%20%26%20%232.mp4" in page.all("a", "href")
    for text in ("0:02", "seed 7", "120 bpm", "avatar", "krump", "energy 1.25", "it is silent", "No preview"):
        assert text in page.text
    for preview in links:
        shown = [*frames(tmp_path / "gallery" / preview, "preview", 10)]
        assert 10 <= len(shown) <= 30
        assert shown[0].shape == (240, 426, 3)
        poster = tmp_path / "gallery" / preview.replace(".mp4", ".webp")
        assert poster.read_bytes()[8:12] == b"WEBP"
    failures = Page(tmp_path / "gallery" / "failures.html")
    assert re.search(r"205\s*205\s+is … s long", failures.text)
    assert "is 7 s long. Cut it." in failures.text
    assert "page 2" in Page(tmp_path / "gallery" / "failures-0002.html").text
    assert [href for href in failures.all("a", "href") if "0002" in href] == ["failures-0002.html"] * 2


def test_a_hostile_title_is_text_and_nothing_else(library, tmp_path):
    gallery(library, tmp_path / "gallery", title=HOSTILE)
    for name in ("index.html", "failures.html"):
        page = Page(tmp_path / "gallery" / name)
        assert HOSTILE in page.text
        assert page.all("script", "src") == ["gallery.js"]
        assert len([1 for tag, _ in page.elements if tag == "script"]) == 1
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        policy = next(content for content in page.all("meta", "content") if content and "default-src" in content)
        assert "unsafe" not in policy
    index = (tmp_path / "gallery" / "search" / file_name("al")).read_text()
    assert json.loads("[" + index.removeprefix("shard(").removesuffix(");\n") + "]")[2][0][0].startswith("<img src=x")


def test_a_second_run_makes_only_what_is_new_and_sweeps_what_is_gone(library, tmp_path):
    output = tmp_path / "gallery"
    gallery(library, output)
    before = {path.name: path.stat().st_mtime_ns for path in (output / "media").iterdir()}
    assert len(before) == 4
    storage.delete(library)
    write(library, [row("/songs/50% & #2.mp3", str(tmp_path / "videos" / "50% & #2.mp4"))])
    gallery(library, output)
    after = {path.name: path.stat().st_mtime_ns for path in (output / "media").iterdir()}
    assert len(after) == 2
    assert after.items() <= before.items()
    assert not list(output.glob("failures-*"))
    assert "No song failed." in Page(output / "failures.html").text
    assert not (output / "search" / file_name("ba")).exists()


def test_links_stay_within_a_storage():
    assert link("s3://bucket/out/videos/a b.mp4", "s3://bucket/out/gallery") == "../videos/a%20b.mp4"
    assert link("s3://other/a.mp4", "s3://bucket/gallery") is None
    assert link("s3://bucket/a.mp4", "/gallery") is None
    assert link("/out/videos/javascript:1.mp4", "/out/videos") == "javascript%3A1.mp4"


def test_on_s3_pages_scripts_and_pictures_have_their_types(library, s3, s3_endpoint, tmp_path):
    rows = tables.read(library, schema.RENDERS).to_pylist()
    first = next(one for one in rows if one["note"])
    storage.copy(first["output_uri"], f"{s3}/videos/a.mp4")
    table = write(f"{s3}/videos_renders", [{**first, "output_uri": f"{s3}/videos/a.mp4"}])
    gallery(table, f"{s3}/gallery")
    client, bucket = boto3.client("s3", endpoint_url=s3_endpoint), s3.removeprefix("s3://")
    types = {
        one["Key"].rpartition("/")[2].rpartition(".")[2]: client.head_object(Bucket=bucket, Key=one["Key"])[
            "ContentType"
        ]
        for one in client.list_objects_v2(Bucket=bucket, Prefix="gallery/")["Contents"]
    }
    assert types["html"] == "text/html"
    assert types["css"] == "text/css"
    assert types["js"] in ("text/javascript", "application/javascript")
    assert (types["webp"], types["mp4"]) == ("image/webp", "video/mp4")
    index = client.get_object(Bucket=bucket, Key="gallery/index.html")["Body"].read().decode()
    assert 'href="../videos/a.mp4"' in index
    assert bucket not in index


def test_titles_are_found_by_the_beginnings_of_their_words():
    assert words("Déjà-Vu: L'été_2") == ["deja", "vu", "l", "ete", "2"]
    songs = [Found(f"Song {number:04}", f"page.html#{number}", False) for number in range(MOST + 500)]
    files = dict(shards([*songs, Found("夜に駆ける", "page.html#n", True)]))
    first = json.loads("[" + files[file_name("so")].removeprefix("shard(").removesuffix(");\n") + "]")
    assert first[:2] == ["so", True]
    assert len(first[2]) == MOST
    last = json.loads("[" + files[file_name("14")].removeprefix("shard(").removesuffix(");\n") + "]")
    assert (last[1], len(last[2])) == (False, 100)
    assert file_name("夜に") in files
    assert max(map(len, files.values())) < 200_000


def test_the_command_writes_a_gallery_and_replaces_no_page_of_others(library, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("<p>mine</p>")
    refused = CliRunner().invoke(main, ["gallery", library, "-o", str(tmp_path / "mine")])
    assert refused.exit_code == 2
    assert "was not written by dancegen" in refused.output
    for _ in range(2):
        ended = CliRunner().invoke(main, ["gallery", library, "-o", str(tmp_path / "gallery")])
        assert ended.exit_code == 0, ended.output
