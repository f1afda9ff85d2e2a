// Draws the interactive figures out of the data that the page carries. Without this script, or where it fails,
// the still figures of the page stay. Drawing is Vega-Lite's; ours are its specifications, and the
// controls that choose which metric, condition, night and seed they show.
"use strict";
(() => {
  const HUES = 8;
  const PERCENT = [0, 100];
  const PHASES = { dusk: "before the last night", end: "after it", night: "in the night" };
  const NUMBERED = 12;
  // Named, not inherited: Vega measures text before it is in the page.
  const FONT = getComputedStyle(document.body).fontFamily;

  const data = (slug) => JSON.parse(document.getElementById(`data-${slug}`).textContent);
  const hue = (index) => `var(--c${index % HUES})`;
  const dash = (index) => (index < HUES ? [1, 0] : index < 2 * HUES ? [6, 3] : [2, 2]);
  const text = (value, unit) => {
    if (value === null || value === undefined) return "–";
    return unit === "percent" ? value.toFixed(2) : String(Number(value.toPrecision(4)));
  };
  const range = (low, high, unit) => (low === null ? "one seed" : `${text(low, unit)} to ${text(high, unit)}`);

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function choose(controls, name, options, onChange) {
    const select = make("select", {}, ...options.map((option, i) => make("option", { value: i }, option)));
    select.addEventListener("change", () => onChange(Number(select.value)));
    const label = make("label", {}, make("span", {}, name), select);
    label.hidden = options.length < 2;
    controls.append(label);
    return select;
  }

  const axis = {
    labelColor: "var(--soft)", titleColor: "var(--ink)", gridColor: "var(--line)", domainColor: "var(--soft)",
    tickColor: "var(--soft)", labelFontSize: 12, titleFontSize: 12.5, titleFontWeight: 500, labelLimit: 190,
  };
  const config = {
    background: "transparent", font: FONT, view: { stroke: null }, axis,
    axisX: { gridOpacity: 0.6 }, text: { color: "var(--ink)" }, legend: { disable: true },
  };

  function draw(place, spec, description) {
    const whole = { $schema: "https://vega.github.io/schema/vega-lite/v6.json", config, description, ...spec };
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", description);
    return vegaEmbed(place, whole, { actions: false, renderer: "svg" });
  }

  const colour = (names) => ({
    field: "condition", type: "nominal", scale: { domain: names, range: names.map((_, i) => hue(i)) },
  });
  // A layer without data would have no extent for the axes to follow.
  const drawn = (layer) => !layer.data || layer.data.values.length > 0;
  const tips = (...names) => names.map((field) => ({ field, type: "nominal" }));

  // Values after the last night: accepted range, bar, interval, seeds, the paper's number.
  function finals(figure, source) {
    const { controls, places: [place] } = parts(figure, 1);
    const all = source.finals;
    const show = (index) => {
      const { title, unit, lines } = all[index];
      const measured = lines.filter((line) => line.mean !== null).map((line) => ({
        ...line, measured: text(line.mean, unit), interval: range(line.low, line.high, unit), seeds: String(line.n),
        paper: text(line.target, unit), verdict: line.verdict || "no target",
      }));
      const judged = lines.filter((line) => line.target !== null).map((line) => ({
        ...line, paper: text(line.target, unit), accepted: range(line.lower, line.upper, unit),
      }));
      const dots = lines.flatMap((line) =>
        line.values.map(([seed, value]) => ({ condition: line.condition, seed, value, measured: text(value, unit) })));
      const scale = unit === "percent" ? { domain: PERCENT } : {};
      const x = (field) => ({ field, type: "quantitative", title, scale, axis: { tickCount: 8 } });
      const names = source.conditions;
      const wide = measured.filter((line) => line.low !== null);
      const told = { tooltip: tips("condition", "measured", "interval", "seeds", "paper", "verdict") };
      const spec = {
        width: "container", height: 36 * new Set(lines.map((line) => line.condition)).size, autosize: { type: "fit-x", contains: "padding" },
        encoding: { y: { field: "condition", type: "nominal", sort: null, title: null, axis: { domain: false, ticks: false } } },
        layer: [
          { data: { values: measured }, mark: { type: "bar", height: 20, opacity: 0.3, clip: true },
            encoding: { x: x("mean"), color: colour(names), ...told } },
          { data: { values: judged }, mark: { type: "bar", height: 27, filled: false, stroke: "var(--ink)", strokeWidth: 1, strokeDash: [3, 3], clip: true },
            encoding: { x: x("lower"), x2: { field: "upper" }, tooltip: tips("condition", "paper", "accepted") } },
          { data: { values: dots }, mark: { type: "circle", size: 26, opacity: 0.75, yOffset: 7 },
            encoding: { x: x("value"), color: colour(names), tooltip: tips("condition", "seed", "measured") } },
          { data: { values: wide }, mark: { type: "rule", strokeWidth: 3, clip: true },
            encoding: { x: x("low"), x2: { field: "high" }, color: colour(names), ...told } },
          { data: { values: measured }, mark: { type: "circle", size: 80, opacity: 1 },
            encoding: { x: x("mean"), color: colour(names), ...told } },
          { data: { values: judged }, mark: { type: "tick", thickness: 2.5, size: 27, color: "var(--ink)" },
            encoding: { x: x("target"), tooltip: tips("condition", "paper", "accepted") } },
        ].filter(drawn),
      };
      return draw(place, spec, `${title} after the last night, by condition`);
    };
    choose(controls, "Metric", all.map((each) => each.title), show);
    return show(0);
  }

  // Curves over training or days, with conditions to switch on and off.
  function curves(figure, source) {
    const { controls, places: [place] } = parts(figure, 1);
    const names = source.conditions;
    const hidden = new Set();
    let shown = 0;
    const show = () => {
      const { title, unit, x, series } = source.curves[shown];
      const lines = Object.entries(series).filter(([name]) => !hidden.has(name));
      const points = lines.flatMap(([condition, values]) => values.map(([at, mean, low, high, n]) => ({
        condition, at, mean, low, high, [x]: at, value: text(mean, unit), interval: range(low, high, unit), seeds: String(n),
        alone: values.length === 1,
      })));
      const few = Math.max(0, ...lines.map(([, values]) => values.length)) <= 12;
      const y = { field: "mean", type: "quantitative", title, scale: unit === "percent" ? { domain: PERCENT } : { zero: false } };
      const moments = [...new Set(points.map((point) => point.at))];
      const ticks = moments.length <= 12 ? { values: moments } : { tickCount: 10 };
      const across = { field: "at", type: "quantitative", title: x, axis: { ...ticks, format: "d", labelOverlap: true }, scale: { zero: false, nice: false, padding: 12 } };
      const dashes = { field: "condition", type: "nominal", scale: { domain: names, range: names.map((_, i) => dash(i)) } };
      const spec = {
        width: "container", height: 330, autosize: { type: "fit-x", contains: "padding" },
        data: { values: points }, encoding: { color: colour(names), x: across },
        layer: [
          { data: { values: points.filter((point) => point.low !== null) }, mark: { type: "area", opacity: 0.1, clip: true },
            encoding: { y: { ...y, field: "low" }, y2: { field: "high" } } },
          { mark: { type: "line", strokeWidth: 2, clip: true }, encoding: { y, strokeDash: dashes } },
          { data: { values: points.filter((point) => point.alone) }, mark: { type: "rule", strokeDash: [5, 4], opacity: 0.7 },
            encoding: { x: null, y } },
          { params: [{ name: "near", select: { type: "point", on: "pointerover", nearest: true, clear: "pointerout" } }],
            mark: { type: "circle", size: 60 },
            encoding: { y, opacity: { condition: { param: "near", empty: false, value: 1 }, value: few ? 0.85 : 0 },
              tooltip: tips("condition", x, "value", "interval", "seeds") } },
        ].filter(drawn),
      };
      return draw(place, spec, `${title} over ${x}, by condition`);
    };
    choose(controls, "Metric", source.curves.map((each) => each.title), (index) => { shown = index; show(); });
    controls.append(legend(names, hidden, show));
    return show();
  }

  function legend(names, hidden, show) {
    const boxes = names.map((name, index) => {
      const box = make("input", { type: "checkbox" });
      box.checked = true;
      box.addEventListener("change", () => { hidden[box.checked ? "delete" : "add"](name); show(); });
      const style = index < HUES ? "solid" : "dashed";
      const swatch = make("span", { class: "swatch", "aria-hidden": "true", style: `border-top: 3px ${style} ${hue(index)}` });
      return make("label", {}, box, swatch, name);
    });
    return make("fieldset", { class: "legend" }, make("legend", {}, "Conditions"), ...boxes);
  }

  // Matrices of a condition and seed, before and after the night side by side.
  function matrices(figure, source) {
    const { controls, places } = parts(figure, 2);
    const families = source.matrices.filter((each) => figure.dataset.families.split(" ").includes(each.name));
    let family = 0, condition = 0, seed = 0, seeds;
    const show = () => {
      const chosen = families[family];
      const names = source.conditions.filter((name) => name in chosen.cells);
      const name = names[Math.min(condition, names.length - 1)];
      const bySeed = chosen.cells[name];
      const known = Object.keys(bySeed).sort((a, b) => isNaN(a) ? -1 : isNaN(b) ? 1 : a - b);
      const phases = bySeed[known[Math.min(seed, known.length - 1)]];
      const order = Object.keys(PHASES).filter((phase) => phase in phases);
      places.forEach((place, index) => { place.hidden = index >= order.length; });
      const rows = Math.max(...order.map((phase) => phases[phase].length));
      return Promise.all(order.slice(0, places.length).map((phase, index) =>
        heat(places[index], chosen, phases[phase], order.length > 1 || phase !== "end" ? when(chosen, phase) : "", `${name}, ${rows} rows`)));
    };
    const when = (chosen, phase) => (chosen.name === "confusion" ? PHASES[phase] : { dusk: "before each night", end: "after each night", night: "in each night" }[phase]);
    choose(controls, "Matrix", families.map((each) => each.title), (index) => { family = index; show(); });
    const names = source.conditions.filter((name) => families.some((each) => name in each.cells));
    // Begin with the condition whose nights change most.
    condition = names.reduce((best, name, index) => (change(families[0], name) > change(families[0], names[best]) ? index : best), 0);
    choose(controls, "Condition", names, (index) => { condition = index; show(); }).value = condition;
    seeds = [...new Set(families.flatMap((each) => Object.values(each.cells).flatMap((cells) => Object.keys(cells))))];
    seeds.sort((a, b) => (isNaN(a) ? -1 : isNaN(b) ? 1 : a - b));
    choose(controls, "Seed", seeds, (index) => { seed = index; show(); });
    redrawOnResize(figure, show);
    return show();
  }

  function change(family, name) {
    const [phases] = Object.values(family.cells[name] ?? { none: {} });
    if (!phases.dusk || !phases.end) return 0;
    const before = phases.dusk.flat();
    return phases.end.flat().reduce((sum, value, index) => sum + Math.abs(value - before[index]), 0);
  }

  function heat(place, family, matrix, title, who) {
    const [columns, rows] = [Math.max(...matrix.map((row) => row.length)), matrix.length];
    const cells = matrix.flatMap((row, i) => row.map((value, j) => ({
      y: family.names[0][i], x: family.names[1][j], value, shown: family.unit === "percent" ? value?.toFixed(0) : String(Number(value?.toPrecision(2))),
      [family.rows]: family.names[0][i], [family.columns]: family.names[1][j], measured: text(value, family.unit),
    }))).filter((cell) => cell.value !== null);
    const values = cells.map((cell) => cell.value);
    const domain = family.unit === "percent" ? PERCENT : [Math.min(...values), Math.max(...values)];
    const side = Math.max(3, Math.min(46, ((place.clientWidth || 320) - 64) / columns, columns > 30 ? 8 : 46));
    const numbers = Math.max(rows, columns) <= NUMBERED && side >= 22;
    const ticks = (n) => ({ labelAngle: 0, labelOverlap: true, ticks: false, domain: false, labelPadding: 6 });
    const rank = (names) => ({ type: "ordinal", sort: names });
    const spec = {
      width: side * columns, height: Math.max(side, rows > 60 ? 4 : 12) * rows, title: title ? { text: title, anchor: "start", color: "var(--ink)", fontSize: 13, fontWeight: 600 } : undefined,
      data: { values: cells },
      encoding: {
        x: { field: "x", ...rank(family.names[1]), title: family.columns, axis: ticks(columns) },
        y: { field: "y", ...rank(family.names[0]), title: family.rows, axis: ticks(rows) },
      },
      layer: [
        { mark: { type: "rect", stroke: "var(--paper)", strokeWidth: side > 10 ? 1 : 0 },
          encoding: {
            color: { field: "value", type: "quantitative", scale: { type: "quantize", domain, range: Array.from({ length: 10 }, (_, i) => `var(--h${i})`) } },
            tooltip: [...tips(family.rows, family.columns), { field: "measured", type: "nominal", title: family.title }],
          } },
        ...(numbers ? [{ mark: { type: "text", fontSize: 11.5 }, encoding: {
          text: { field: "shown", type: "nominal" },
          color: { condition: { test: `datum.value >= ${domain[0] + 0.7 * (domain[1] - domain[0])}`, value: "var(--h-ink)" }, value: "var(--ink)" },
        } }] : []),
      ],
    };
    return draw(place, spec, `${family.title} of ${who} ${title}`);
  }

  function redrawOnResize(figure, show) {
    let width = figure.clientWidth, waiting;
    addEventListener("resize", () => {
      if (figure.clientWidth === width) return;
      width = figure.clientWidth;
      clearTimeout(waiting);
      waiting = setTimeout(show, 200);
    });
  }

  function parts(figure, count) {
    const places = Array.from({ length: count }, () => make("div", { class: "place" }));
    const controls = make("div", { class: "controls" });
    const still = figure.querySelector(".still");
    still.before(controls, make("div", { class: "live" }, ...places));
    figure.classList.add("drawn"); // so that places have a width while they are drawn
    return { controls, places };
  }

  // Pictures under one slider over days and steps.
  function gallery(figure) {
    const frames = [...figure.querySelectorAll(".frame")];
    const controls = make("div", { class: "controls" });
    const stage = make("div", { class: "stage" });
    const slider = make("input", { type: "range", min: 0, step: 1, "aria-label": "Moment of the life" });
    const said = make("output", {});
    const unique = (key) => [...new Set(frames.map((frame) => frame.dataset[key]))];
    const chosen = {};
    const now = () => frames.filter((frame) => Object.entries(chosen).every(([key, value]) => frame.dataset[key] === value));
    const show = () => {
      const run = now();
      slider.max = Math.max(0, run.length - 1);
      slider.disabled = run.length < 2;
      const frame = run[Math.min(Number(slider.value), run.length - 1)];
      if (!frame) { said.textContent = "no such picture"; stage.replaceChildren(); return; }
      const same = frame.dataset.same ? document.getElementById(frame.dataset.same) : frame;
      const copy = same.querySelector(".picture").cloneNode(true);
      copy.querySelector("img").alt = frame.dataset.alt;
      stage.replaceChildren(copy, make("p", {}, frame.dataset.caption));
      slider.setAttribute("aria-valuetext", frame.dataset.moment);
      said.textContent = frame.dataset.moment;
    };
    for (const [key, name] of [["name", "Gallery"], ["condition", "Condition"], ["seed", "Seed"]]) {
      const options = unique(key);
      chosen[key] = options[0];
      choose(controls, name, options, (index) => { chosen[key] = options[index]; show(); });
    }
    controls.append(make("div", { class: "moment" }, slider, said));
    slider.addEventListener("input", show);
    const all = figure.querySelector("details");
    all.open = false;
    all.before(controls, stage);
    slider.max = Math.max(0, now().length - 1);
    slider.value = slider.max;
    show();
  }

  const KINDS = { finals, curves, matrices, gallery };
  async function begin(figure) {
    try {
      const kind = figure.dataset.kind;
      await KINDS[kind](figure, kind === "gallery" ? null : data(figure.dataset.source));
      figure.dataset.ready = "yes";
    } catch (error) {
      figure.classList.remove("drawn");
      console.error(error);
    }
  }

  // Figures are drawn when they come near the screen: a long page opens at once.
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      begin(entry.target);
    }
  }, { rootMargin: "800px" });
  document.querySelectorAll("figure[data-kind]").forEach((figure) => watcher.observe(figure));
})();
