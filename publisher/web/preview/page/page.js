// The preview's page: loads itself again when something changed, shows and hides what stands side
// by side, and puts each finding beside the place that it concerns.
"use strict";

const { base, version } = document.body.dataset;
const live = document.querySelector("[data-live]");
const told = document.querySelector("[data-told]");

// --- live -----------------------------------------------------------------------------------

// Loading again must not swallow a click: it waits while a button is down, and gives way to a link
// that is being followed; for some seconds, because that one may lead nowhere.
const GIVES_WAY = 5000;
let stale = false;
let pressed = false;
let leaving = false;
function renew() {
  if (stale && !pressed && !leaving) {
    location.reload();
  }
}
addEventListener("pointerdown", () => {
  pressed = true;
}, true);
for (const name of ["pointerup", "pointercancel", "blur"]) {
  addEventListener(name, () => {
    pressed = false;
    setTimeout(renew); // after the click that comes of it
  }, true);
}
addEventListener("click", (event) => {
  const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (event.target.closest?.("a[href]") && !elsewhere) {
    leaving = true;
    setTimeout(() => {
      leaving = false;
      renew();
    }, GIVES_WAY);
  }
});

const words = live.textContent;
const events = new EventSource(`${base}/events`);
events.onmessage = (event) => {
  live.textContent = words;
  live.classList.remove("gone");
  stale = event.data !== version;
  renew();
};
events.onerror = () => {
  live.textContent = "The preview has stopped: start it again with publisher preview";
  live.classList.add("gone");
};

// A page that loads itself again stays where it was.
const strip = document.querySelector(".strip");
const place = `place ${location.pathname}`;
addEventListener("pagehide", () => {
  if (strip) {
    sessionStorage.setItem(place, JSON.stringify([strip.scrollLeft, strip.scrollTop]));
  }
});
const stay = () => {
  const [left, top] = JSON.parse(sessionStorage.getItem(place) || "[0, 0]");
  strip?.scrollTo(left, top);
};

// --- side by side -----------------------------------------------------------------------------

const panes = [...document.querySelectorAll(".pane")];
const hidden = new Set(JSON.parse(localStorage.getItem("hidden") || "[]"));
const toggles = document.querySelector("[data-toggles]");
for (const pane of panes) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = pane.dataset.title;
  const show = () => {
    pane.hidden = hidden.has(pane.id);
    button.setAttribute("aria-pressed", String(!pane.hidden));
    if (!pane.hidden) {
      pane.querySelectorAll("iframe").forEach(fit);
    }
  };
  button.addEventListener("click", () => {
    if (!hidden.delete(pane.id)) {
      hidden.add(pane.id);
    }
    localStorage.setItem("hidden", JSON.stringify([...hidden]));
    show();
  });
  toggles.append(button);
  show();
}

// --- frames -----------------------------------------------------------------------------------

// Frames run no script. They may be read from here, which shows how high they are, where a finding
// belongs, and where a link would lead.
function fit(frame) {
  const inner = frame.contentDocument;
  if (!inner?.body) {
    return;
  }
  frame.style.height = "0";
  frame.style.height = `${Math.max(inner.documentElement.scrollHeight, 200) + 2}px`;
  const margin = frame.parentElement.querySelector("[data-margin]");
  if (margin) {
    annotate(inner, margin);
  }
}

function annotate(inner, margin) {
  const found = [...margin.children].map((note) => [where(inner, note), note]);
  found.sort((one, other) => one[0] - other[0]);
  let free = 0;
  for (const [top, note] of found) {
    const at = Math.max(top, free);
    note.style.top = `${at}px`;
    free = at + note.offsetHeight + 8;
  }
  margin.style.minHeight = `${free}px`;
}

function where(inner, note) {
  const { href, words } = note.dataset;
  const candidates = [...inner.body.querySelectorAll("h1, h2, h3, p, li, a, td, img")];
  const links = candidates.filter((each) => href && each.getAttribute("href") === href);
  const said = words
    ? words.split("\n").flatMap((text) => candidates.filter((each) => each.textContent.includes(text)))
    : [];
  // The smallest element that says it is the last one of those that do.
  const target = said.at(-1) || links[0];
  if (!target) {
    return 0;
  }
  target.style.outline = "2px dashed #b36b00";
  target.style.outlineOffset = "2px";
  return target.getBoundingClientRect().top;
}

let waiting = 0;
for (const frame of document.querySelectorAll("iframe")) {
  waiting += 1;
  const ready = () => {
    fit(frame);
    frame.contentDocument?.addEventListener("click", tell);
    waiting -= 1;
    if (waiting === 0) {
      stay();
      document.body.dataset.ready = "yes";
    }
  };
  if (frame.contentDocument?.readyState === "complete" && frame.contentDocument.URL !== "about:blank") {
    ready();
  } else {
    frame.addEventListener("load", ready, { once: true });
  }
}
if (waiting === 0) {
  document.body.dataset.ready = "yes";
}

function tell(event) {
  const link = event.target.closest?.("a[href]");
  if (!link) {
    return;
  }
  event.preventDefault();
  told.textContent = `This link leads to ${link.getAttribute("href")}`;
  told.hidden = false;
}
