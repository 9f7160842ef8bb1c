// The boards: sorted by a click on a head or a key, filtered by family and by data.
page.sortable = (table) => {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const select = table.closest("section").querySelector("select.sort");
  const by = (place, direction) => {
    const rows = [...body.rows];
    const value = (row) => row.cells[place].dataset.value ?? "";
    const numeric = heads[place].dataset.numbers === "1";
    rows.sort((one, other) => {
      const [mine, theirs] = [value(one), value(other)];
      if (mine === "" || theirs === "") return (mine === "") - (theirs === ""); // What has no value is last either way.
      const order = numeric ? Number(mine) - Number(theirs) : mine.localeCompare(theirs);
      return direction * order || Number(one.dataset.place) - Number(other.dataset.place);
    });
    body.append(...rows);
    heads.forEach((head, at) => {
      if (at === place) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    if (select) select.value = String(place);
    page.say(`Sorted by ${heads[place].textContent.trim()}, ${direction > 0 ? "ascending" : "descending"}`);
  };
  const first = (place) => Number(heads[place].dataset.first);
  heads.forEach((head, place) => {
    head.querySelector("button").addEventListener("click", () => {
      const sorted = head.getAttribute("aria-sort");
      by(place, sorted ? (sorted === "ascending" ? -1 : 1) : first(place));
    });
  });
  select?.addEventListener("change", () => by(Number(select.value), first(Number(select.value))));
};

page.filters = () => {
  const family = document.getElementById("family");
  const data = document.getElementById("data");
  const shown = () => {
    let rows = 0;
    for (const section of document.querySelectorAll("section.group")) {
      section.hidden = Boolean(data?.value) && section.dataset.data !== data.value;
      for (const one of section.querySelectorAll("[data-family]")) {
        one.hidden = Boolean(family?.value) && one.dataset.family !== family.value;
        rows += one.tagName === "TR" && !one.hidden && !section.hidden ? 1 : 0;
      }
    }
    page.say(`${rows} entries shown`);
  };
  for (const select of [family, data]) select?.addEventListener("change", shown);
};
