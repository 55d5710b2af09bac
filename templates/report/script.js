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
  for (const svg of document.querySelectorAll("svg[data-chart]")) {
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
  }
})();
