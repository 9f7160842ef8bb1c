// The threshold explorer: what a threshold, a share of fakes and two costs come to.
page.JOINT = 2.241403; // Two intervals of 97.5 %, which hold together with 95 %: those of a precision.
page.SHARES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
page.COSTS = [1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000];

page.precisionOf = (recall, alarms, share) => {
  const called = share * recall + (1 - share) * alarms;
  return called > 0 ? (share * recall) / called : null;
};

page.outcome = (data, at, share, costs) => {
  const recall = data.found[at] / data.fakes;
  const alarms = data.alarms[at] / data.genuine;
  const ends = (quantile) => [page.wilson(recall, data.fakesAlone[at], quantile), page.wilson(alarms, data.genuineAlone[at], quantile)];
  const [found, called] = ends(page.Z);
  const [foundBoth, calledBoth] = ends(page.JOINT);
  const per = 1000 * (1 - share);
  const precision = page.precisionOf(recall, alarms, share);
  return {
    recall, found, alarms: per * alarms, alarmEnds: called.map((end) => per * end), share: alarms,
    missed: 1000 * share * (1 - recall), missedEnds: [1000 * share * (1 - found[1]), 1000 * share * (1 - found[0])],
    precision,
    precisionEnds: precision === null ? null : [page.precisionOf(foundBoth[0], calledBoth[1], share) ?? 0, page.precisionOf(foundBoth[1], calledBoth[0], share) ?? 1],
    cost: costs.alarm * per * alarms + costs.miss * 1000 * share * (1 - recall),
  };
};

page.cheapest = (data, share, costs) => {
  const all = data.threshold.map((_, at) => page.outcome(data, at, share, costs).cost);
  return all.indexOf(Math.min(...all));
};

page.explore = (root, data, redrawn) => {
  const own = data.fakes / (data.fakes + data.genuine);
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const inputs = Object.fromEntries(["threshold", "prevalence", "alarm", "miss"].map((name) => [name, part(name)]));
  const shares = [...new Set([...page.SHARES, own])].sort((one, other) => one - other);
  const last = data.threshold.length - 1;
  // To the right is a higher threshold, and so fewer reviews are called fake.
  const set = (input, most, value) => { input.min = 0; input.max = most; input.step = 1; input.value = value; };
  set(inputs.threshold, last, last - data.own);
  set(inputs.prevalence, shares.length - 1, shares.indexOf(own));
  set(inputs.alarm, page.COSTS.length - 1, 0);
  set(inputs.miss, page.COSTS.length - 1, 0);
  const state = () => ({
    at: last - Number(inputs.threshold.value),
    share: shares[Number(inputs.prevalence.value)],
    costs: { alarm: page.COSTS[Number(inputs.alarm.value)], miss: page.COSTS[Number(inputs.miss.value)] },
  });
  const costs = page.costChart(part("chart"), data, state);
  const show = () => {
    const { at, share, costs: each } = state();
    const told = page.outcome(data, at, share, each);
    data.now = at;
    const words = {
      threshold: String(data.threshold[at]), prevalence: `${page.plain(100 * share)} %`, alarm: page.whole(each.alarm), miss: page.whole(each.miss),
    };
    for (const [name, text] of Object.entries(words)) {
      inputs[name].setAttribute("aria-valuetext", text);
      part(`${name}-told`).textContent = text;
    }
    const between = ([low, high], text) => `${text(low)} to ${text(high)}`;
    const fill = (name, value, ends) => { part(name).textContent = value; part(`${name}-ends`).textContent = ends; };
    fill("precision", told.precision === null ? "–" : page.percent(told.precision), told.precisionEnds ? between(told.precisionEnds, page.percent) : "none is called fake");
    fill("recall", page.percent(told.recall), between(told.found, page.percent));
    fill("alarms", page.number(told.alarms, 1), between(told.alarmEnds, (end) => page.number(end, 1)));
    fill("missed", page.number(told.missed, 1), between(told.missedEnds, (end) => page.number(end, 1)));
    fill("cost", page.number(told.cost, 1), `cheapest ${page.number(page.outcome(data, page.cheapest(data, share, each), share, each).cost, 1)}`);
    costs.redraw();
    redrawn();
  };
  for (const input of Object.values(inputs)) input.addEventListener("input", show);
  const jump = (name, place) => part(name).addEventListener("click", () => { inputs.threshold.value = last - place(); show(); });
  jump("to-own", () => data.own);
  jump("to-limit", () => data.limits[0].at);
  jump("to-cheapest", () => { const { share, costs: each } = state(); return page.cheapest(data, share, each); });
  show();
};

page.costChart = (canvas, data, state) => {
  const make = (colours) => {
    const { share, costs, at } = state();
    const all = data.threshold.map((threshold, way) => ({ x: threshold, y: page.outcome(data, way, share, costs).cost, at: way }));
    return {
      data: { datasets: [
        page.dots("now", [all[at]], colours.fake, { pointRadius: 7, order: 0 }),
        page.dots("cheapest", [all[page.cheapest(data, share, costs)]], colours.ink, { pointStyle: "rectRot", pointRadius: 6, order: 1 }),
        page.line("cost of 1,000 reviews", all, colours.genuine, { order: 2 }),
      ] },
      options: {
        scales: { x: page.unit(colours, "Threshold"), y: page.axis(colours, "Cost of 1,000 reviews", { min: 0 }) },
        plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, callbacks: { title: () => "", label: ({ raw }) => [`cost ${page.number(raw.y, 1)}`, ...page.pointLabel(data, raw.at)] } } },
      },
    };
  };
  page.draw(canvas, make);
  return { redraw: () => {
    const { chart } = page.drawn.get(canvas);
    const { share, costs, at } = state();
    const all = data.threshold.map((threshold, way) => ({ x: threshold, y: page.outcome(data, way, share, costs).cost, at: way }));
    chart.data.datasets[0].data = [all[at]];
    chart.data.datasets[1].data = [all[page.cheapest(data, share, costs)]];
    chart.data.datasets[2].data = all;
    chart.update("none");
  } };
};
