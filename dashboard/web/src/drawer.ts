import {encodeValues} from './color';
import type {CityMap, Marker, Outline} from './map/city-map';
import {shownOverlays} from './map/overlay';
import {alertsThen, currentKind, matchingTable, messages, shownCells, shownPalette, shownScale, shownValues, type Model} from './model';

type H3 = typeof import('./h3');

/** An alert is new on the map for so long. */
export const FRESH_MS = 10_000;

/** Drawer brings a map to what the model says. Nothing is drawn while there is no map or no H3. */
export class Drawer {
  h3: H3 | null = null;
  map: CityMap | null = null;
  /** The model that the map shows. */
  #shown: Partial<Model> = {};
  /** The table whose cells the map has. */
  #drawnTable = '';

  /** Another map, which knows nothing yet. */
  onto(map: CityMap): void {
    this.map = map;
    this.#shown = {};
    this.#drawnTable = '';
  }

  /** Brings the map to what the model says, touching only what changed. */
  draw(model: Model): void {
    const {map, h3} = this;
    if (map === null || h3 === null) return;
    const was = this.#shown;
    this.#shown = model;
    if (was.theme !== model.theme) map.setTheme(model.theme);
    if (was.lang !== model.lang) map.setLabel(messages(model).mapLabel);
    if ((was.areas !== model.areas || was.lang !== model.lang) && model.areas.state === 'loaded') map.setAreas(model.areas.value, model.lang);
    if (was.overlays !== model.overlays || was.hiddenOverlays !== model.hiddenOverlays || was.lang !== model.lang) {
      map.setOverlays(shownOverlays(model.overlays, model.hiddenOverlays), model.lang);
    }
    this.#drawCells(map, h3, model, was);
    if (was.alerts !== model.alerts || was.selection !== model.selection || was.playback?.atMs !== model.playback?.atMs) {
      map.setMarkers(markersOf(model));
      map.setOutlines(outlinesOf(model, h3));
    }
    if (was.devices !== model.devices) map.setDevices(model.devices);
    if (was.selection !== model.selection) map.setSelected(model.selection === null ? null : h3.cornersOf(model.selection.cell));
  }

  #drawCells(map: CityMap, h3: H3, model: Model, was: Partial<Model>): void {
    const table = matchingTable(model);
    const kind = currentKind(model);
    if (table !== null && this.#drawnTable !== table.hash) {
      this.#drawnTable = table.hash;
      map.setCells(h3.cornersOfTable(table));
    } else if (was.cells === model.cells && was.table === model.table && was.kind === model.kind && was.layer === model.layer
      && was.playback === model.playback) {
      return;
    }
    map.setPalette(shownPalette(model));
    const size = table?.cells.length ?? model.table?.cells.length ?? 0;
    map.setValues(table === null || kind === null || shownCells(model) === null
      ? new Uint8Array(size)
      : encodeValues(shownValues(model), size, shownScale(model, kind)));
  }
}

function markersOf(model: Model): readonly Marker[] {
  const open = alertsThen(model);
  const chosen = model.selection?.alert ?? '';
  const extra = open.some((a) => a.id === chosen) ? undefined : model.alerts?.byId.get(chosen);
  return [...open, ...(extra === undefined ? [] : [extra])].map((a) => ({
    id: a.id, severity: a.severity, latDegrees: a.latDegrees, lonDegrees: a.lonDegrees, selected: a.id === chosen,
  }));
}

/** The hotspots of more than a cell, outlined. */
function outlinesOf(model: Model, h3: H3): readonly Outline[] {
  const chosen = model.selection?.alert ?? '';
  return alertsThen(model).filter((a) => a.cells.length > 0).map((a) => ({
    id: a.id, severity: a.severity, rings: h3.ringsAround(a.cells), selected: a.id === chosen,
    isNew: model.playback === null && model.nowMs - (model.fresh.get(a.id) ?? -Infinity) < FRESH_MS,
  }));
}
