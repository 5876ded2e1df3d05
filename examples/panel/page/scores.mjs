// The averaged scores of the last 20 seconds as lines, with what was heard as flags.
import uPlot from "../uplot/uPlot.esm.js";

const seconds = 20;

/** One colour per word, told apart in both schemes; the legend names them too. */
const hues = [212, 28, 145, 338, 265, 48, 180, 0, 90, 300, 235, 120];

export function createScores(place, legend) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let plot;
  let labels = [];
  let shown = [];
  let data;
  let step = 0.04;
  let newest = 0;
  let threshold = 0.6;
  let isDirty = false;
  /** Times at which words were heard. */
  let flags = [];

  const colorOf = (i) => `hsl(${hues[i % hues.length]} 75% ${dark.matches ? 66 : 42}%)`;
  let soft;

  /** A colour of the style sheet as a canvas takes it. */
  function resolved(name) {
    const probe = document.createElement("i");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }

  function build() {
    plot?.destroy();
    place.replaceChildren();
    soft = resolved("--soft");
    const grid = { stroke: resolved("--grid"), width: 1 };
    const axis = { stroke: soft, grid, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    plot = new uPlot(
      {
        width: place.clientWidth,
        height: place.clientHeight,
        cursor: { show: false },
        legend: { show: false },
        padding: [22, 20, 0, 0],
        scales: { x: { time: false, range: () => [-seconds, 0] }, y: { range: () => [0, 1] } },
        axes: [
          { ...axis, values: (_, at) => at.map((v) => (v === 0 ? "now" : `${v} s`)), space: 70, size: 30 },
          { ...axis, values: (_, at) => at.map((v) => `${Math.round(v * 100)} %`), size: 52, space: 40 },
        ],
        series: [
          {},
          ...shown.map((i, n) => ({
            label: labels[i],
            stroke: colorOf(n),
            width: 2,
            points: { show: false },
          })),
        ],
        hooks: { draw: [drawThreshold, drawFlags] },
      },
      data,
      place,
    );
  }

  function drawThreshold({ ctx, bbox, valToPos }) {
    const y = Math.round(valToPos(threshold, "y", true));
    ctx.save();
    ctx.strokeStyle = soft;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }

  function drawFlags({ ctx, bbox, valToPos }) {
    ctx.save();
    ctx.font = `600 ${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    let free = Number.POSITIVE_INFINITY;
    // From the newest back, so that it is the older ones that give way where names would overlap.
    for (const { time, label, line } of flags.toReversed()) {
      const x = Math.round(valToPos(time - newest, "x", true));
      if (x < bbox.left) break;
      ctx.fillStyle = colorOf(line);
      ctx.globalAlpha = 0.4;
      ctx.fillRect(x, bbox.top, devicePixelRatio, bbox.height);
      ctx.globalAlpha = 1;
      const half = ctx.measureText(label).width / 2;
      if (x + half > free) continue;
      ctx.fillText(label, x, bbox.top - 7 * devicePixelRatio);
      free = x - half - 4 * devicePixelRatio;
    }
    ctx.restore();
  }

  function resetData() {
    const count = Math.round(seconds / step) + 1;
    data = [
      Float64Array.from({ length: count }, (_, i) => (i - count + 1) * step),
      ...shown.map(() => new Float64Array(count)),
    ];
    newest = 0;
    flags = [];
  }

  /** `ignored` words have neither line nor legend. `step`: seconds between scores. */
  function setLabels(names, ignored, secondsPerScore) {
    labels = names;
    step = secondsPerScore;
    shown = names.flatMap((name, i) => (ignored.includes(name) ? [] : [i]));
    resetData();
    legend.replaceChildren(...shown.map(entry));
    build();
  }

  function entry(index, n) {
    const item = document.createElement("li");
    // A drawn swatch: style attributes are not allowed here.
    const swatch = document.createElement("canvas");
    swatch.width = swatch.height = 1;
    const context = swatch.getContext("2d");
    context.fillStyle = colorOf(n);
    context.fillRect(0, 0, 1, 1);
    const value = document.createElement("b");
    value.textContent = "0 %";
    item.append(swatch, labels[index], value);
    return item;
  }

  new ResizeObserver(() => {
    if (plot && place.clientWidth) plot.setSize({ width: place.clientWidth, height: place.clientHeight });
  }).observe(place);
  dark.addEventListener("change", () => {
    if (!plot) return;
    legend.replaceChildren(...shown.map(entry));
    build();
  });

  return {
    setLabels,
    setThreshold(value) {
      threshold = value;
      isDirty = true;
    },
    add({ time, averages }) {
      // Where the gate was closed there are no scores.
      const steps = Math.max(1, Math.min(data[0].length, Math.round((time - newest) / step)));
      newest = time;
      for (const [n, i] of shown.entries()) {
        const values = data[n + 1];
        values.copyWithin(0, steps);
        values.fill(0, values.length - steps);
        values[values.length - 1] = averages[i];
      }
      isDirty = true;
    },
    flag({ time, label }) {
      flags = [
        ...flags.filter((f) => f.time > newest - seconds),
        { time, label, line: shown.indexOf(labels.indexOf(label)) },
      ];
      isDirty = true;
    },
    draw() {
      if (!isDirty || !plot) return;
      isDirty = false;
      plot.setData(data);
      for (const [n, item] of [...legend.children].entries())
        item.lastChild.textContent = `${Math.round(100 * data[n + 1].at(-1))} %`;
    },
  };
}
