"use strict";
// Values that are read off curves, with the pointer or with the arrow keys.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const number = (value) => String(Number(value.toPrecision(6)));
  const said = {
    number,
    bytes: (value) => {
      const units = ["B", "kB", "MB", "GB", "TB"];
      let at = 0;
      while (value >= 1000 && at < 4) { value /= 1000; at++; }
      return value.toFixed(at ? 1 : 0) + " " + units[at];
    },
    seconds: (value) => {
      if (value < 60) return number(value) + " s";
      const whole = Math.round(value), two = (part) => String(part).padStart(2, "0");
      const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
      return (hours ? hours + ":" + two(minutes) : minutes) + ":" + two(whole % 60);
    },
  };
  const nearest = (values, wanted) => {
    let low = 0, high = values.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < wanted) low = middle + 1; else high = middle;
    }
    return low > 0 && wanted - values[low - 1] < values[low] - wanted ? low - 1 : low;
  };
  const readable = (svg) => {
    const { kinds, x, y, lines } = JSON.parse(svg.dataset.chart);
    const output = svg.parentElement.querySelector("output");
    const place = ([low, high, start, end], value) =>
      high === low ? (start + end) / 2 : start + (value - low) / (high - low) * (end - start);
    const mark = document.createElementNS(SVG, "g");
    svg.append(mark);
    const longest = lines.reduce((one, other) => (other[1].length > one[1].length ? other : one))[1];
    let at = -1;
    const show = (value) => {
      mark.replaceChildren();
      const cursor = document.createElementNS(SVG, "line");
      cursor.setAttribute("class", "cursor");
      for (const [name, number] of [["x1", place(x, value)], ["x2", place(x, value)], ["y1", y[3]], ["y2", y[2]]])
        cursor.setAttribute(name, number);
      mark.append(cursor);
      const words = lines.map(([label, xs, ys], index) => {
        const near = nearest(xs, value), height = ys[near];
        if (height === null || height === undefined) return label + " –";
        const dot = document.createElementNS(SVG, "circle");
        dot.setAttribute("class", "dot s" + index);
        dot.setAttribute("cx", place(x, xs[near]));
        dot.setAttribute("cy", place(y, height));
        dot.setAttribute("r", 3.5);
        mark.append(dot);
        return label + " " + said[kinds[1]](height);
      });
      output.textContent = said[kinds[0]](value) + ": " + words.join(", ");
    };
    const clear = () => { mark.replaceChildren(); output.textContent = ""; at = -1; };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const inside = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      const wanted = x[0] + (inside - x[2]) / (x[3] - x[2]) * (x[1] - x[0]);
      at = nearest(longest, wanted);
      show(longest[at]);
    });
    svg.addEventListener("pointerleave", clear);
    svg.addEventListener("blur", clear);
    svg.addEventListener("keydown", (event) => {
      const far = Math.max(1, Math.round(longest.length / 20));
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -far, PageDown: far }[event.key];
      if (event.key === "Escape") return clear();
      if (event.key === "Home") at = 0;
      else if (event.key === "End") at = longest.length - 1;
      else if (step !== undefined) at = Math.min(Math.max(at + step, 0), longest.length - 1);
      else return;
      event.preventDefault();
      show(longest[at]);
    });
  };
  const within = (part) => part.querySelectorAll("svg[data-chart]").forEach(readable);
  within(document);
  document.addEventListener("replaced", (event) => within(event.target));
})();
// A table that is sorted and filtered, and a scatter of the rows that are left.
(() => {
  const table = document.getElementById("table");
  if (!table) return;
  const SVG = "http://www.w3.org/2000/svg";
  const body = table.tBodies[0];
  const number = (text) => (text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text));
  let heads, columns, rows;
  const read = (given) => {
    heads = [...table.tHead.rows[0].cells];
    columns = heads.map((head) => ({ name: head.textContent, kind: head.dataset.kind }));
    rows = given.map((row) => {
      const values = [...row.cells].map((cell) => cell.dataset.value ?? cell.textContent.trim());
      return { row, values, text: row.textContent.toLowerCase(), numbers: values.map(number) };
    });
  };

  // Sorting: numbers before words, what is missing last, whichever the direction.
  const compare = (at, sign) => (one, other) => {
    const [a, b] = [one.values[at], other.values[at]], [x, y] = [one.numbers[at], other.numbers[at]];
    if ((a === "") !== (b === "")) return a === "" ? 1 : -1;
    if (x !== null && y !== null) return sign * (x - y);
    if ((x === null) !== (y === null)) return x === null ? 1 : -1;
    return sign * a.localeCompare(b);
  };
  let order = null;
  const sort = () => {
    const at = columns.findIndex((column) => order && column.name === order.name);
    heads.forEach((head, index) => {
      if (index === at) head.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    if (at >= 0) rows.sort(compare(at, order.down ? -1 : 1));
    // What is moved loses the focus, so that as few are as possible.
    let place = body.firstElementChild;
    for (const { row } of rows) {
      if (place?.nextElementSibling === row) {
        body.append(place); // its turn comes later
        place = row;
      }
      if (row === place) place = place.nextElementSibling;
      else body.insertBefore(row, place);
    }
  };
  const buttons = () => heads.forEach((head, at) => {
    if (head.querySelector("button")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      order = { name: columns[at].name, down: head.getAttribute("aria-sort") === "ascending" };
      limit = STEP;
      sort();
      apply();
    });
  });

  // Filtering: words that a row has, and conditions such as lr<0.1.
  const signs = {
    "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
    "=": (a, b) => a === b, "!=": (a, b) => a !== b,
  };
  const condition = (word) => {
    const match = /^(.+?)(<=|>=|!=|=|<|>)(.+)$/.exec(word);
    const at = match ? columns.findIndex((column) => column.name.toLowerCase() === match[1].toLowerCase()) : -1;
    if (at < 0) return (one) => one.text.includes(word.toLowerCase());
    const wanted = number(match[3]), sign = signs[match[2]];
    return (one) => {
      if (wanted !== null && one.numbers[at] !== null) return sign(one.numbers[at], wanted);
      return match[2] === "!=" ? one.values[at] !== match[3] : match[2] === "=" && one.values[at] === match[3];
    };
  };
  const filter = document.getElementById("filter"), count = document.getElementById("count");
  // Of many rows a part is laid out, and more when the end of that is reached.
  const STEP = 200;
  let limit = STEP;
  const apply = () => {
    const conditions = filter.value.split(/\s+/).filter(Boolean).map(condition);
    let left = 0;
    for (const one of rows) {
      one.fits = conditions.every((fits) => fits(one));
      left += one.fits;
      one.row.hidden = !one.fits || left > limit;
    }
    count.textContent = left + " of " + rows.length + " runs";
  };
  const more = (upTo) => {
    if (limit >= rows.length) return;
    limit = upTo;
    apply();
  };
  const box = table.closest(".scroll");
  box.addEventListener("scroll", () => {
    if (box.scrollHeight - box.scrollTop < 2 * box.clientHeight) more(limit + STEP);
  });
  addEventListener("beforeprint", () => more(Infinity));
  filter.addEventListener("input", () => {
    limit = STEP;
    apply();
    draw();
  });
  filter.closest(".controls").hidden = false;

  // The scatter.
  const section = document.getElementById("scatter"), svg = section.querySelector("svg");
  const reading = section.querySelector("output");
  const across = document.getElementById("across"), up = document.getElementById("up");
  const frame = { left: 70, right: 606, top: 14, bottom: 258 };
  const some = (at) => rows.some((one) => one.numbers[at] !== null);
  const offer = (select, kinds) => {
    const chosen = select.selectedOptions[0]?.text;
    select.replaceChildren();
    for (const kind of kinds)
      columns.forEach((column, at) => {
        if (column.kind === kind && some(at))
          select.append(new Option(column.name, at, false, column.name === chosen));
      });
  };
  for (const select of [across, up]) select.addEventListener("change", () => draw());
  const element = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    svg.append(made);
    return made;
  };
  const label = (value) => String(Number(value.toPrecision(4)));
  // A scale by powers of ten where the values are far apart, as learning rates are.
  const axis = (values, start, end) => {
    let low = Math.min(...values), high = Math.max(...values);
    const isLog = low > 0 && high / low >= 50;
    const to = isLog ? Math.log10 : (value) => value;
    const margin = (to(high) - to(low)) * 0.05 || Math.abs(to(high)) * 0.1 || 1;
    const from = to(low) - margin, until = to(high) + margin;
    const ticks = [];
    if (isLog) {
      const every = Math.ceil((until - from) / 8);
      for (let power = Math.ceil(from); power <= until; power += every) ticks.push(10 ** power);
    } else {
      const power = 10 ** Math.floor(Math.log10((until - from) / 5));
      const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= (until - from) / 5);
      for (let at = Math.ceil(from / step); at * step <= until; at++) ticks.push(at * step);
    }
    return { ticks, place: (value) => start + (to(value) - from) / (until - from) * (end - start) };
  };
  const draw = () => {
    svg.replaceChildren();
    reading.textContent = "";
    const [x, y] = [Number(across.value), Number(up.value)];
    const shown = rows.filter((one) => one.fits && one.numbers[x] !== null && one.numbers[y] !== null);
    if (!shown.length) {
      reading.textContent = "None of the runs in the table has both.";
      return;
    }
    const horizontal = axis(shown.map((one) => one.numbers[x]), frame.left, frame.right);
    const vertical = axis(shown.map((one) => one.numbers[y]), frame.bottom, frame.top);
    for (const tick of vertical.ticks) {
      const at = vertical.place(tick);
      element("line", { class: "grid", x1: frame.left, x2: frame.right, y1: at, y2: at });
      element("text", { class: "tick", x: frame.left - 6, y: at + 4, "text-anchor": "end" }, label(tick));
    }
    for (const tick of horizontal.ticks) {
      const at = horizontal.place(tick);
      element("line", { class: "grid", x1: at, x2: at, y1: frame.top, y2: frame.bottom });
      element("text", { class: "tick", x: at, y: frame.bottom + 16, "text-anchor": "middle" }, label(tick));
    }
    element("text", { class: "tick", x: frame.right, y: 292, "text-anchor": "end" }, columns[x].name);
    for (const one of shown) {
      const said = (one.values[1] || one.row.cells[0].textContent) + ": " + columns[x].name + " " + one.values[x] +
        ", " + columns[y].name + " " + one.row.cells[y].textContent;
      const dot = element("circle", {
        class: "point", r: 3, cx: horizontal.place(one.numbers[x]), cy: vertical.place(one.numbers[y]),
      });
      dot.addEventListener("pointerenter", () => { reading.textContent = said; });
      dot.addEventListener("click", () => {
        one.row.hidden = false;
        one.row.scrollIntoView({ block: "center" });
      });
    }
  };
  const begin = (given) => {
    read(given);
    buttons();
    sort();
    apply();
    table.classList.add("ready");
    if (section.matches(":hover, :focus-within")) return; // somebody reads it off, or chooses
    offer(across, ["parameter", "number", "metric"]);
    offer(up, ["metric", "number", "parameter"]);
    section.hidden = !across.options.length || !up.options.length;
    draw();
  };
  begin([...body.rows]);
  table.addEventListener("replaced", (event) => begin(event.detail));
})();
