"use strict";
// Everything can be read without this script; it adds the pointer.

// Charts: one cursor for all of them, at the epoch nearest to the pointer.
(() => {
  const charts = [...document.querySelectorAll(".chart")].map(card => ({
    svg: card.querySelector("svg"),
    now: card.querySelector(".now"),
    line: card.querySelector(".cursor path"),
    dot: card.querySelector(".cursor circle"),
    points: JSON.parse(card.dataset.points),
  }));
  const put = (chart, point, moving) => {
    const small = document.createElement("small");
    small.textContent = "epoch " + point.Epoch;
    chart.now.replaceChildren(point.Text + " ", small);
    chart.dot.setAttribute("cx", point.X);
    chart.dot.setAttribute("cy", point.Y);
    chart.line.setAttribute("d", `M${point.X} 12V160`);
    chart.line.toggleAttribute("hidden", !moving);
    chart.at = point.Epoch;
  };
  const show = epoch => {
    for (const chart of charts) {
      put(chart, chart.points.reduce((a, b) => Math.abs(b.Epoch - epoch) < Math.abs(a.Epoch - epoch) ? b : a), true);
    }
  };
  const rest = () => charts.forEach(chart => put(chart, chart.points.at(-1), false));
  for (const chart of charts) {
    chart.svg.addEventListener("pointermove", event => {
      const box = chart.svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * 360;
      show(chart.points.reduce((a, b) => Math.abs(b.X - x) < Math.abs(a.X - x) ? b : a).Epoch);
    });
    chart.svg.addEventListener("pointerleave", rest);
    chart.svg.addEventListener("blur", rest);
    chart.svg.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const last = chart.points.length - 1;
      const at = chart.points.findIndex(p => p.Epoch === (chart.at ?? chart.points[last].Epoch));
      show(chart.points[Math.min(Math.max(at + step, 0), last)].Epoch);
    });
  }
})();

// The map: photos instead of dots, one class at a time, and a closer look at the item under the pointer.
(() => {
  const plot = document.querySelector("[data-map]");
  if (!plot) return;
  const svg = plot.querySelector(".map"), tip = plot.querySelector(".tip");

  const choice = plot.querySelector(".switch");
  if (choice) {
    choice.hidden = false;
    choice.addEventListener("click", event => {
      const button = event.target.closest("button");
      if (!button) return;
      plot.classList.toggle("show-photos", button.dataset.show === "photos");
      choice.querySelectorAll("button").forEach(b => b.setAttribute("aria-pressed", b === button));
    });
  }

  const classes = [...plot.querySelectorAll(".legend button")];
  for (const button of classes) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      classes.forEach(b => b.setAttribute("aria-pressed", on && b === button));
      plot.classList.toggle("focused", on);
      svg.querySelectorAll("[data-class]").forEach(e => e.classList.toggle("on", on && e.dataset.class === button.dataset.class));
    });
  }

  svg.addEventListener("pointermove", event => {
    const mark = event.target.closest("[data-i]");
    tip.hidden = !mark;
    if (!mark || tip.dataset.i === mark.dataset.i) return;
    tip.dataset.i = mark.dataset.i;
    tip.replaceChildren();
    const picture = svg.querySelector(`.photos [data-i="${mark.dataset.i}"] image`);
    if (picture) {
      const img = new Image();
      img.src = picture.getAttribute("href");
      img.alt = "";
      tip.append(img);
    }
    if (mark.dataset.label) {
      const label = document.createElement("b");
      label.textContent = mark.dataset.label;
      tip.append(label);
    }
    if (mark.dataset.name) {
      const name = document.createElement("span");
      name.textContent = mark.dataset.name;
      tip.append(name);
    }
    const box = plot.getBoundingClientRect(), at = mark.getBoundingClientRect();
    const x = at.left + at.width / 2 - box.left, y = at.top + at.height / 2 - box.top;
    tip.style.left = Math.min(Math.max(x - 66, 4), box.width - 136) + "px";
    tip.style.top = (y > 200 ? y - tip.offsetHeight - 14 : y + 14) + "px";
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; delete tip.dataset.i; });
})();
