// Colours of the page, charts in them, and a way through a chart for keyboards and screen readers.
const page = {};

page.colours = () => {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: of("ink"), soft: of("soft"), rule: of("rule"), panel: of("panel"), page: of("page"),
    genuine: of("series-0"), fake: of("series-1"),
    series: [0, 1, 2, 3, 4, 5].map((number) => of(`series-${number}`)),
  };
};

page.faded = (colour, share) => `${colour}${Math.round(255 * share).toString(16).padStart(2, "0")}`;
page.MARKERS = ["circle", "rect", "triangle", "rectRot", "crossRot", "star"];
page.DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

// Every chart that is drawn, with what draws it again when the colours change.
page.drawn = new Map();

page.draw = (canvas, make) => {
  page.drawn.get(canvas)?.chart.destroy();
  const colours = page.colours();
  const config = make(colours);
  config.options = { ...page.options(colours), ...config.options };
  config.options.plugins = { ...page.plugins(colours), ...config.options.plugins };
  const chart = new Chart(canvas, config);
  page.drawn.set(canvas, { chart, make });
  if (!canvas.dataset.keys) {
    canvas.dataset.keys = "1";
    canvas.tabIndex = 0;
    canvas.addEventListener("keydown", (event) => page.walk(canvas, event));
  }
  return chart;
};

page.redraw = () => {
  for (const [canvas, { make }] of [...page.drawn]) page.draw(canvas, make);
};

page.options = () => ({
  animation: false,
  responsive: true,
  maintainAspectRatio: false,
  interaction: { mode: "nearest", intersect: false },
  layout: { padding: { right: 10 } },
});

page.plugins = (colours) => ({
  legend: {
    labels: { color: colours.ink, usePointStyle: true, boxHeight: 6, padding: 8, font: { size: 11 } },
    onClick: () => {},
  },
  tooltip: {
    backgroundColor: colours.ink, titleColor: colours.page, bodyColor: colours.page,
    displayColors: false, padding: 8,
  },
});

page.axis = (colours, title, more = {}) => ({
  type: "linear",
  title: { display: true, text: title, color: colours.soft, font: { size: 12 } },
  border: { color: colours.rule },
  ...more,
  grid: { color: colours.rule, drawTicks: false, ...more.grid },
  ticks: { color: colours.soft, font: { size: 11 }, padding: 5, maxTicksLimit: 6, ...more.ticks },
});

// Left and right step through the points of a chart, up and down through its series; what is there is said.
page.walk = (canvas, event) => {
  const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Escape: [0, 0] };
  const step = steps[event.key];
  const chart = page.drawn.get(canvas)?.chart;
  if (!step || !chart) return;
  event.preventDefault();
  const shown = chart.data.datasets.map((set, place) => place).filter(
    (place) => chart.isDatasetVisible(place) && chart.data.datasets[place].data.length && !chart.data.datasets[place].silent,
  );
  if (!shown.length || event.key === "Escape") return page.point(chart, []);
  const at = canvas.at ?? { series: 0, index: -1 };
  const series = Math.min(Math.max(at.series + step[0], 0), shown.length - 1);
  const length = chart.data.datasets[shown[series]].data.length;
  const index = Math.min(Math.max(at.index + step[1], 0), length - 1);
  canvas.at = { series, index };
  page.point(chart, [{ datasetIndex: shown[series], index }]);
  const lines = chart.tooltip.body?.flatMap((part) => part.lines) ?? [];
  page.say([...(chart.tooltip.title ?? []), ...lines].join(", "));
};

page.point = (chart, active) => {
  const place = active.length
    ? chart.getDatasetMeta(active[0].datasetIndex).data[active[0].index]?.getCenterPoint() ?? { x: 0, y: 0 }
    : { x: 0, y: 0 };
  chart.setActiveElements(active);
  chart.tooltip.setActiveElements(active, place);
  chart.update("none");
};

page.say = (text) => { document.getElementById("said").textContent = text; };

page.number = (value, digits = 3) => value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
page.whole = (value) => Math.round(value).toLocaleString("en");
page.percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;

page.time = (seconds) => {
  if (seconds < 0.1) return `${page.plain(1000 * seconds)} ms`;
  if (seconds < 100) return `${page.plain(seconds)} s`;
  return seconds < 6000 ? `${page.plain(seconds / 60)} min` : `${page.plain(seconds / 3600)} h`;
};
page.plain = (value) => Number(value.toPrecision(2)).toLocaleString("en");

// A vertical line at some places of the x axis, each with a word on top.
page.rules = (places, colours) => ({
  id: "rules",
  afterDatasetsDraw: ({ ctx, chartArea, scales }) => {
    ctx.save();
    ctx.strokeStyle = colours.soft;
    ctx.fillStyle = colours.soft;
    ctx.font = "11px system-ui, sans-serif";
    ctx.setLineDash([4, 3]);
    // Each name a line above the one before: rungs may be near each other, and curves are mostly high up.
    for (const [number, { x, text }] of places().entries()) {
      const at = scales.x.getPixelForValue(x);
      ctx.beginPath();
      ctx.moveTo(at, chartArea.top);
      ctx.lineTo(at, chartArea.bottom);
      ctx.stroke();
      const left = at + 4 + ctx.measureText(text).width > chartArea.right;
      ctx.textAlign = left ? "right" : "left";
      ctx.fillText(text, left ? at - 4 : at + 4, chartArea.bottom - 6 - 13 * (number % 5));
    }
    ctx.restore();
  },
});

// Intervals: a vertical line from low to high at each point of a data set that has them.
page.whiskers = {
  id: "whiskers",
  beforeDatasetsDraw: ({ ctx, data, scales }) => {
    ctx.save();
    for (const set of data.datasets.filter((one) => one.whiskers)) {
      ctx.strokeStyle = set.borderColor;
      ctx.lineWidth = 1.5;
      for (const { x, low, high } of set.data) {
        const at = scales.x.getPixelForValue(x);
        ctx.beginPath();
        ctx.moveTo(at, scales.y.getPixelForValue(low));
        ctx.lineTo(at, scales.y.getPixelForValue(high));
        ctx.stroke();
      }
    }
    ctx.restore();
  },
};
