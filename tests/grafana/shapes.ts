// What a dashboard may say, in Grafana's own types.

import type * as schema from "@grafana/schema";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// In JSON a member of an enumeration is its text or number.
type Plain<T> = T extends string
  ? string extends T ? string : `${T}`
  : T extends number
    ? number extends T ? number : T extends infer N extends number ? `${N}` extends `${infer V extends number}` ? V : N : never
    : T extends readonly (infer Item)[]
      ? Plain<Item>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

// Without `[key: string]`, which would let every key through.
type Known<T> = { [Key in keyof T as string extends Key ? never : Key]: T[Key] };

// Neither is in the schema's package: the data sources' documentation says them.
interface InfluxQL extends schema.DataQuery {
  query: string;
  rawQuery: true;
  resultFormat: "time_series" | "table";
  alias: string;
}
interface Flux extends schema.DataQuery {
  query: string;
}
interface PromQL extends schema.DataQuery {
  expr: string;
  legendFormat: string;
  editorMode: "code";
  instant: boolean;
  range: boolean;
  exemplar: boolean;
  format: "time_series" | "table" | "heatmap";
}
type Target = Plain<InfluxQL> | Plain<Flux> | Plain<PromQL>;

type Common = Required<Pick<Plain<Known<schema.Panel>>, "id" | "title" | "description" | "gridPos">>;
type Rest = Omit<
  Plain<Known<schema.Panel>>,
  keyof Common | "type" | "options" | "fieldConfig" | "targets" | "transformations"
>;
type Custom<Config> = { [Key in keyof Config]?: Plain<Config[Key]> };

type Drawn<Type extends string, Options, Config> = Common & Rest & {
  type: Type;
  options: Plain<Options>;
  targets: Target[];
  transformations?: { id: "merge" | "organize"; options: object }[];
  fieldConfig: {
    defaults: Omit<Plain<Known<schema.FieldConfig>>, "custom"> & { custom?: Custom<Config> };
    overrides: Plain<schema.FieldConfigSource["overrides"]>;
  };
};

export type Panel =
  | Drawn<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | Drawn<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | Drawn<"stat", stat.Options, never>
  // Of a table's cells the schema's own type is a union that not even Grafana's exports fit.
  | Drawn<"table", table.Options, Omit<table.FieldConfig, "cellOptions"> & { cellOptions: { type: "auto" } }>
  | (Plain<Known<Omit<schema.RowPanel, "panels" | "type">>> & { type: "row"; panels: never[] });

export type Dashboard = Omit<Plain<Known<schema.Dashboard>>, "panels" | "templating" | "annotations"> & {
  panels: Panel[];
  templating: { list: Plain<Known<schema.VariableModel>>[] };
  annotations: { list: never[] };
};
