// Keeps what is shown up to date: asks for the same page again when something has changed, and puts in what differs.
// Without this script everything works by reloading.
"use strict";

(() => {
  const STREAM = "/ui/changes";
  const GATHER_MS = 1000; // between two refreshes, however much changes
  const REGULARLY_MS = 5000; // for what no change is told of, such as how long ago something was
  const AGAIN_MS = 10000; // after the stream was refused
  const TELL_MS = 10000; // between two announcements to screen readers

  const regions = () => [...document.querySelectorAll("[data-live]")];
  if (regions().length === 0) return;

  const news = document.getElementById("news");
  let on = true;
  let asking = false;
  let due = null;
  let askedAt = 0;
  let toldAt = 0;

  function soon(wait = GATHER_MS) {
    if (!on || due !== null) return;
    const passed = Date.now() - askedAt;
    due = setTimeout(refresh, Math.max(0, wait - passed));
  }

  async function refresh() {
    due = null;
    if (asking || document.hidden || !on) return;
    asking = true;
    askedAt = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) return location.reload(); // the session has ended: to the login
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      toggle.textContent = answer.ok ? "Live" : "Not up to date";
    } catch {
      toggle.textContent = "Not up to date";
    } finally {
      asking = false;
    }
  }

  function show(fresh) {
    const changed = [];
    for (const region of regions()) {
      const other = fresh.getElementById(region.id);
      if (!other || isInUse(region)) continue;
      keepOpen(region, other);
      if (region.innerHTML === other.innerHTML) continue;
      const focused = region.contains(document.activeElement) ? placeOf(document.activeElement, region) : null;
      region.replaceChildren(...other.childNodes);
      if (focused) find(region, focused)?.focus({ preventScroll: true });
      const heading = region.querySelector("h1, h2");
      changed.push(region.getAttribute("aria-label") || (heading && heading.textContent.trim()) || "Page");
    }
    if (changed.length && Date.now() - toldAt > TELL_MS) {
      toldAt = Date.now();
      news.textContent = `Updated: ${changed.join(", ")}`;
    }
  }

  // Text that somebody is selecting stays.
  function isInUse(region) {
    const selection = getSelection();
    return selection && !selection.isCollapsed && region.contains(selection.anchorNode);
  }

  function keepOpen(region, other) {
    for (const details of region.querySelectorAll("details[open][id]")) {
      const same = [...other.querySelectorAll("details")].find((each) => each.id === details.id);
      if (same) same.open = true;
    }
  }

  // The element that has the focus, by what it is: the same link or button may be elsewhere afterwards.
  function placeOf(element) {
    return { tag: element.tagName, id: element.id, href: element.getAttribute("href"), text: element.textContent };
  }

  function find(region, place) {
    return [...region.querySelectorAll(place.tag)].find((each) =>
      place.id ? each.id === place.id : each.getAttribute("href") === place.href && each.textContent === place.text
    );
  }

  // What moves by itself can be stopped.
  const toggle = document.createElement("button");
  toggle.type = "button";
  toggle.textContent = "Live";
  toggle.setAttribute("aria-pressed", "true");
  toggle.title = "Whether this page keeps itself up to date";
  toggle.addEventListener("click", () => {
    on = !on;
    toggle.setAttribute("aria-pressed", String(on));
    if (on) refresh();
  });
  const place = document.getElementById("live");
  place.append(toggle);
  place.hidden = false;

  function listen() {
    const stream = new EventSource(STREAM);
    stream.addEventListener("change", () => soon());
    stream.addEventListener("gap", () => soon());
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS); // refused; else it comes back itself
    });
  }
  listen();
  setInterval(() => soon(REGULARLY_MS), REGULARLY_MS);
  document.addEventListener("visibilitychange", () => soon());
})();
