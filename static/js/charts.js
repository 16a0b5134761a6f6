/* ECharts from plain data: each [data-chart] finds its options in <script id="ID-options" type="application/json">.
   Options hold no functions; `house` beside them asks for what needs one:
     {"house": {"tooltip": "{name}：{x}%，{y}%", "links": true}} — names of a point's values, and a click opens point[3]. */
"use strict";
(() => {
  const css = getComputedStyle(document.documentElement);
  const ink = css.getPropertyValue("--house-ink").trim();
  const muted = css.getPropertyValue("--house-muted").trim();
  const line = css.getPropertyValue("--house-line").trim();
  const COLOURS = ["#4f83d9", "#e0a32a", "#d64c4c", "#2f9a63", "#7a8aa3", "#7c5cc4"];
  const font = getComputedStyle(document.body).fontFamily;

  const axis = (given) => ({
    axisLabel: { color: ink, fontSize: 12 }, axisLine: { lineStyle: { color: "#75808f" } },
    splitLine: { lineStyle: { color: line } }, nameTextStyle: { color: muted }, nameLocation: "middle", nameGap: 26, ...given,
  });
  const axes = (given) => (Array.isArray(given) ? given.map(axis) : given ? axis(given) : given);

  const fill = (pattern, point) => {
    const value = Array.isArray(point.value) ? point.value : [point.name, point.value];
    const parts = { name: point.name, series: point.seriesName, x: value[0], y: value[1], z: value[2] };
    return pattern.replace(/\{(\w+)\}/g, (_, key) => String(parts[key] ?? "").replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`));
  };

  const draw = (node) => {
    const source = document.getElementById(`${node.id}-options`);
    if (!source || node.dataset.drawn) return;
    node.dataset.drawn = "yes";
    const { house = {}, ...options } = JSON.parse(source.textContent);
    const chart = window.echarts.init(node, null, { renderer: "svg" });
    const tooltip = { confine: true, trigger: "item", textStyle: { fontSize: 12 }, ...options.tooltip };
    if (house.tooltip) tooltip.formatter = (point) => fill(house.tooltip, point);
    chart.setOption({
      animation: false, color: COLOURS, textStyle: { fontFamily: font, color: ink },
      grid: { left: 8, right: 16, top: 16, bottom: 6, containLabel: true },
      ...options, tooltip, xAxis: axes(options.xAxis), yAxis: axes(options.yAxis),
    });
    if (house.links) chart.on("click", (point) => { const url = point.value?.[3] ?? point.data?.url; if (url) location.assign(url); });
    new ResizeObserver(() => chart.resize()).observe(node);
  };
  const drawAll = () => document.querySelectorAll("[data-chart]").forEach(draw);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-chart-toggle]");
    if (!button) return;
    const card = button.closest("[data-chart-card]");
    const table = card.querySelector(".chart-data");
    table.hidden = !table.hidden;
    card.querySelector("[data-chart]").hidden = !table.hidden;
    button.setAttribute("aria-expanded", String(!table.hidden));
    button.querySelector("span").textContent = table.hidden ? "数据表" : "图表";
  });
  document.addEventListener("htmx:load", drawAll);
  drawAll();
})();
