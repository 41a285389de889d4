// Has InfluxData's own parser and type checker read every Flux query of the dashboards named:
// it knows the functions and their arguments, but no data.

import { readFileSync } from "node:fs";
import flux from "@influxdata/flux-lsp-node";

// What InfluxDB's Grafana plugin puts in.
const given = 'v = {defaultBucket: "b", timeRangeStart: -1h, timeRangeStop: now(), windowPeriod: 10s}';

const filled = (text) => {
  const lines = text.trim().replaceAll(/\$\{(\w+):regex\}/g, ".*").split("\n");
  const imports = lines.filter((line) => line.startsWith("import "));
  const rest = lines.filter((line) => !line.startsWith("import "));
  return [...imports, given, ...rest].join("\n");
};

for (const wrong of ["from(bucket: v.defaultBucket", "from(bucket: v.nothing)", "from(basket: v.defaultBucket)"]) {
  if (flux.is_valid_flux(filled(wrong))) {
    throw new Error(`the parser takes ${wrong}`);
  }
}
let parsed = 0;
let faults = 0;
for (const file of process.argv.slice(2)) {
  const { panels, templating } = JSON.parse(readFileSync(file, "utf8"));
  const ofPanels = panels.flatMap(({ title, targets = [] }) => targets.map(({ query }) => [title, query]));
  const ofVariables = templating.list
    .filter(({ type }) => type === "query")
    .map(({ name, query }) => [`variable ${name}`, query]);
  for (const [place, query] of [...ofPanels, ...ofVariables]) {
    parsed += 1;
    if (!flux.is_valid_flux(filled(query))) {
      faults += 1;
      console.error(`${file}, ${place}: no Flux: ${query}`);
    }
  }
}
console.log(`${parsed} Flux queries parsed`);
process.exit(faults > 0 || parsed === 0 ? 1 : 0);
