"use strict";
// A page that a server gives: it follows what it shows, for as long as somebody looks at it. This comes before the
// script of all pages, which changes what the server sent.
(() => {
  const { stream } = document.body.dataset;
  if (!stream) return;
  const connection = document.getElementById("connection");
  const table = document.getElementById("table");
  const LONGEST = 64000;

  // How long a run goes on is counted from what the server said, since its clock may be another.
  const clock = (seconds) => {
    if (seconds < 60) return seconds.toFixed(1) + " s";
    const whole = Math.round(seconds), two = (part) => String(part).padStart(2, "0");
    const minutes = Math.floor(whole / 60) % 60;
    if (whole < 3600) return minutes + " min " + two(whole % 60) + " s";
    return Math.floor(whole / 3600) + " h " + two(minutes) + " min";
  };
  const begun = new WeakMap();
  const tick = () => {
    for (const one of document.querySelectorAll("[data-elapsed]")) {
      if (!begun.has(one)) begun.set(one, performance.now() - Number(one.dataset.elapsed) * 1000);
      one.textContent = clock((performance.now() - begun.get(one)) / 1000);
    }
  };
  setInterval(tick, 1000);

  // Parts of the page give way to newer ones, but not under the reader's hands.
  const key = (part) => part.id || part.localName;
  const parts = (root) => [...root.querySelectorAll("body > header, main > section")];
  const sources = new Map(parts(document).map((part) => [key(part), part.outerHTML]));
  const waiting = new Map();
  const inUse = (part) => {
    const selection = getSelection();
    return part.querySelector("svg:hover, svg:focus, input:focus, select:focus") !== null ||
      (!selection.isCollapsed && part.contains(selection.anchorNode));
  };
  const FOCUS = "a, button, summary, [tabindex]";
  const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 30;
  const put = (old, part) => {
    const boxes = [...old.querySelectorAll(".scroll, pre")].map((box) => [box.scrollTop, box.scrollLeft, atEnd(box)]);
    const open = [...old.querySelectorAll("details")].map((one) => [one.open, one.firstElementChild.textContent]);
    const focus = [...old.querySelectorAll(FOCUS)].indexOf(document.activeElement);
    old.replaceWith(part);
    part.querySelectorAll("details").forEach((one, at) => {
      if (open[at]?.[1] === one.firstElementChild.textContent) one.open = open[at][0];
    });
    part.querySelectorAll(".scroll, pre").forEach((box, at) => {
      const [top, left, end] = boxes[at] ?? [0, 0, false];
      box.scrollTo(left, end && top ? box.scrollHeight : top);
    });
    if (focus >= 0) part.querySelectorAll(FOCUS)[focus]?.focus({ preventScroll: true });
    part.dispatchEvent(new Event("replaced", { bubbles: true }));
  };
  const putWaiting = () => {
    for (const [name, part] of waiting) {
      const old = parts(document).find((one) => key(one) === name);
      if (old && inUse(old)) continue;
      waiting.delete(name);
      if (old) put(old, part);
    }
  };
  setInterval(putWaiting, 500);
  const isFollowed = (part) => part.id === "log" && document.querySelector("#log pre.followed") !== null &&
    part.querySelector("pre") === null;
  const show = (fresh) => {
    document.title = fresh.title;
    if (table) {
      merge(fresh.getElementById("table"));
      fresh.querySelectorAll("main > section").forEach((part) => part.remove());
    } else {
      const there = new Set(parts(fresh).map(key));
      for (const part of parts(document)) if (!there.has(key(part))) part.remove();
    }
    let before = null;
    for (const part of parts(fresh)) {
      const name = key(part), source = part.outerHTML;
      const old = parts(document).find((one) => key(one) === name);
      if (!old) {
        if (before) before.after(part);
        else document.getElementById("main").prepend(part);
        part.dispatchEvent(new Event("replaced", { bubbles: true }));
      } else if (sources.get(name) !== source && !isFollowed(part)) waiting.set(name, part);
      sources.set(name, source);
      before = old ?? part;
    }
    putWaiting();
  };

  // Of a table only the rows that are others, so that a thousand stay where they are.
  const rows = new Map(table ? [...table.tBodies[0].rows].map((row) => [row.dataset.run, row.innerHTML]) : []);
  const names = (some) => [...some.tHead.rows[0].cells].map((cell) => cell.textContent + cell.dataset.kind).join();
  const merge = (fresh) => {
    const body = table.tBodies[0], known = new Map([...body.rows].map((row) => [row.dataset.run, row]));
    if (names(fresh) !== names(table)) table.tHead.replaceWith(fresh.tHead);
    const wanted = [...fresh.tBodies[0].rows].map((row) => {
      const old = known.get(row.dataset.run), source = row.innerHTML;
      if (old && rows.get(row.dataset.run) === source) return old;
      rows.set(row.dataset.run, source);
      if (old) row.querySelector("input").checked = old.querySelector("input").checked;
      return row;
    });
    const focus = document.activeElement, held = focus?.closest("#table tbody tr");
    for (const row of wanted) {
      const old = known.get(row.dataset.run);
      if (!old) body.append(row);
      else if (old !== row) old.replaceWith(row);
      if (old === held) row.querySelector(focus.localName)?.focus({ preventScroll: true });
      known.delete(row.dataset.run);
    }
    for (const row of known.values()) row.remove();
    table.dispatchEvent(new CustomEvent("replaced", { detail: wanted }));
    choose();
  };

  // Two are chosen to be compared.
  const choose = () => {
    const count = table.querySelectorAll("input:checked").length;
    document.getElementById("compare").disabled = count !== 2;
    document.getElementById("chosen").textContent = count === 2 ? "" : "Tick two runs to see them side by side" +
      (count ? ": " + count + " ticked." : ".");
  };
  if (table) {
    table.addEventListener("change", choose);
    choose();
  }

  // What the run prints, the line that is not whole yet apart.
  const log = ({ reset, text, open, problem }) => {
    const section = document.getElementById("log");
    let pre = section.querySelector("pre.followed");
    if (!pre && section.querySelector("pre")) return; // it has ended meanwhile
    if (!pre) {
      section.querySelectorAll("p, pre").forEach((one) => one.remove());
      pre = document.createElement("pre");
      pre.className = "log followed";
      pre.tabIndex = 0;
      pre.setAttribute("role", "log");
      pre.setAttribute("aria-live", "off");
      pre.append(document.createTextNode(""), document.createTextNode(""));
      section.append(pre);
    }
    const follows = atEnd(pre), [whole, rest] = pre.childNodes;
    if (reset) whole.data = "";
    if (text) whole.data += text;
    const tooMuch = whole.data.length - LONGEST;
    if (tooMuch > 0) whole.data = "…" + whole.data.slice(whole.data.indexOf("\n", tooMuch));
    rest.data = problem || open;
    if (follows) pre.scrollTop = pre.scrollHeight;
  };

  // A page that has changed is asked for again, in at most a tenth of the time.
  let isBusy = false, isStale = false;
  const update = async () => {
    isStale = true;
    if (isBusy) return;
    isBusy = true;
    isStale = false;
    const began = performance.now();
    try {
      const answer = await fetch(location.href);
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The stream is cut as well, and says `changed` when it is there again.
    }
    setTimeout(() => {
      isBusy = false;
      if (isStale) update();
    }, Math.max(300, 9 * (performance.now() - began)));
  };

  // A browser has few connections to one server: pages that nobody sees give theirs back.
  let source = null, state = document.body.dataset.state;
  const connect = () => {
    source = new EventSource(stream + (stream.includes("?") ? "&" : "?") + "state=" + encodeURIComponent(state));
    source.addEventListener("open", () => { connection.textContent = ""; });
    source.addEventListener("changed", (event) => {
      state = event.data;
      update();
    });
    source.addEventListener("log", (event) => log(JSON.parse(event.data)));
    source.addEventListener("gone", () => {
      connection.textContent = "This run was removed.";
      source.close();
    });
    source.addEventListener("error", () => {
      connection.textContent = source.readyState === EventSource.CLOSED
        ? "Not followed any more: open the address that `snap ui` prints."
        : "`snap ui` does not answer; this page tries again.";
    });
  };
  document.addEventListener("visibilitychange", () => {
    source.close();
    if (!document.hidden) connect();
  });
  connect();
})();
