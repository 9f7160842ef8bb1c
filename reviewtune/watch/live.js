"use strict";
// Asks for the panel again and again and puts in what has changed; nothing else is asked for, from nowhere else.
const panel = document.getElementById("panel");
const lost = document.getElementById("lost");
const board = document.getElementById("board");
const follow = document.getElementById("follow");
const newer = document.getElementById("newer");
let shownBoard = null;
let pause = Number(panel.dataset.pause);

function take(html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const before = new Map([...panel.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const parts = [...fresh.content.querySelectorAll("[data-part]")].map((part) => {
    const old = before.get(part.dataset.part);
    if (old && old.dataset.html === part.outerHTML) return old; // What is selected or focused in it stays.
    const html = part.outerHTML;
    for (const details of part.querySelectorAll("[data-keep]")) {
      const same = old && old.querySelector("details");
      if (same) details.open = same.open;
    }
    part.dataset.html = html;
    return part;
  });
  if (parts.length !== panel.children.length || parts.some((part, place) => panel.children[place] !== part)) {
    panel.replaceChildren(...parts);
  }
}

function showBoard(version) {
  const top = board.contentWindow ? board.contentWindow.scrollY : 0;
  board.addEventListener("load", () => board.contentWindow.scrollTo(0, top), { once: true });
  board.contentWindow.location.replace("leaderboard.html");
  shownBoard = version;
  newer.hidden = true;
}

async function look() {
  try {
    const answer = await fetch("panel", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    take(await answer.text());
    pause = Number(answer.headers.get("X-Pause")) || pause;
    const version = answer.headers.get("X-Board");
    if (shownBoard === null) shownBoard = version;
    if (version !== shownBoard) {
      if (follow.checked) showBoard(version);
      else newer.hidden = false;
    }
    newer.onclick = () => showBoard(version);
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
  setTimeout(look, 1000 * pause);
}

// Whoever sorts or filters the board does not want to lose that.
board.addEventListener("load", () => {
  for (const kind of ["pointerdown", "keydown"]) {
    board.contentDocument.addEventListener(kind, () => { follow.checked = false; }, { passive: true });
  }
});
look();
