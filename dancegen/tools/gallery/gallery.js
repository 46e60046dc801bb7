"use strict";

const SHOWN = 100; // results of a search
const player = document.getElementById("player");
const film = player.querySelector("video");

// Previews: on hover or focus; on touch screens the one nearest to the middle of the screen.
const still = matchMedia("(prefers-reduced-motion: reduce)");
const touch = matchMedia("(hover: none)");
let moving = null;

function show(link) {
  if (moving === link) return;
  hide();
  if (!link || still.matches) return;
  const video = document.createElement("video");
  Object.assign(video, { muted: true, loop: true, playsInline: true, autoplay: true, tabIndex: -1 });
  video.setAttribute("aria-hidden", "true");
  video.src = link.dataset.preview;
  link.append(video);
  moving = link;
}

function hide() {
  moving?.querySelector("video")?.remove();
  moving = null;
}

const previews = [...document.querySelectorAll("[data-preview]")];
for (const link of previews) {
  link.addEventListener("mouseenter", () => show(link));
  link.addEventListener("focus", () => show(link));
  link.addEventListener("mouseleave", hide);
  link.addEventListener("blur", hide);
}

let waiting = false;
function showNearest() {
  waiting = false;
  if (!touch.matches || player.open) return;
  const middle = innerHeight / 2;
  const far = (link) => {
    const box = link.getBoundingClientRect();
    return Math.abs((box.top + box.bottom) / 2 - middle);
  };
  const nearest = previews.reduce((best, link) => (best === null || far(link) < far(best) ? link : best), null);
  show(nearest && far(nearest) < middle ? nearest : null);
}
function soon() {
  if (!waiting) {
    waiting = true;
    setTimeout(showNearest, 200);
  }
}
addEventListener("scroll", soon, { passive: true });
soon();

// Videos play in a dialog. Without scripts, the links open them.
for (const link of document.querySelectorAll("a.poster")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    hide();
    document.getElementById("playing").textContent = link.closest("li").querySelector("h2").textContent;
    film.src = link.href;
    player.showModal();
    film.play().catch(() => {});
  });
}
document.getElementById("close").addEventListener("click", () => player.close());
player.addEventListener("click", (event) => {
  if (event.target === player) player.close();
});
player.addEventListener("close", () => {
  film.removeAttribute("src");
  film.load();
});

// Search: the songs whose words begin with the first letters of the query, from files that are loaded as scripts.
const FIRST_LETTERS = 2;
const query = document.getElementById("query");
const results = document.getElementById("results");
const found = document.getElementById("found");
const shards = new Map(); // prefix -> promise of {more, songs}
const arrived = new Map(); // prefix -> function that resolves its promise

const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const words = (text) => fold(text).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
const hex = (text) => [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

window.shard = (prefix, more, songs) => arrived.get(prefix)?.({ more, songs });

function load(prefix) {
  if (!shards.has(prefix)) {
    shards.set(prefix, new Promise((resolve) => {
      const script = document.createElement("script");
      arrived.set(prefix, resolve);
      script.onerror = () => resolve({ more: false, songs: [] });
      script.src = `search/${hex(prefix)}.js`;
      document.head.append(script);
    }));
  }
  return shards.get(prefix);
}

async function songsOf(word) {
  const letters = [...word];
  let length = Math.min(FIRST_LETTERS, letters.length);
  let shard = await load(letters.slice(0, length).join(""));
  while (shard.more && length < letters.length) {
    length += 1;
    shard = await load(letters.slice(0, length).join(""));
  }
  return shard;
}

let asked = 0;
async function search() {
  const number = ++asked;
  const wanted = words(query.value);
  const longest = wanted.reduce((best, word) => ([...word].length > [...best].length ? word : best), "");
  if (!wanted.length) return tell([], "");
  const shard = await songsOf(longest);
  if (number !== asked) return;
  const fits = ([title]) => {
    const theirs = words(title);
    return wanted.every((word) => theirs.some((one) => one.startsWith(word)));
  };
  const songs = shard.songs.filter(fits);
  const limit = songs.length > SHOWN || (shard.more && songs.length);
  tell(songs.slice(0, SHOWN), limit ? `The first ${Math.min(SHOWN, songs.length)}; give more letters for fewer`
    : songs.length === 1 ? "1 song" : `${songs.length} songs`);
}

function tell(songs, text) {
  results.replaceChildren(...songs.map(([title, link, failed]) => {
    const item = document.createElement("li");
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = failed ? `${title} (failed)` : title;
    item.append(anchor);
    return item;
  }));
  found.textContent = text;
}

document.querySelector(".search").hidden = false;
query.addEventListener("input", search);
addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "/" && !typing && !player.open) {
    event.preventDefault();
    query.focus();
  } else if (event.key === "Escape" && event.target === query) {
    query.value = "";
    search();
  }
});
addEventListener("hashchange", () => {
  const place = document.getElementById(location.hash.slice(1));
  place?.querySelector("a")?.focus();
});
