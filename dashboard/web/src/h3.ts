/** All that the page needs of H3, loaded after the shell. */
import {cellsToMultiPolygon, cellToBoundary, cellToLatLng, cellToParent, getResolution, isValidCell, latLngToCell} from 'h3-js';
import {areaAt, type Place} from './geo';
import type {Corners} from './map/city-map';
import type {Area, CellId, CellTable, LonLat, Resolution} from './wire';
import type {PlacedTable} from './model';

/** The cell at a place. */
export function cellAt(p: Place, resolution: Resolution): CellId {
  return latLngToCell(p.latDegrees, p.lonDegrees, resolution);
}

/** The tile at a place, see docs/PROTOCOL.md. */
export function tileAt(p: Place, resolution: number): CellId {
  return latLngToCell(p.latDegrees, p.lonDegrees, resolution);
}

/** The centre of a cell. */
export function centreOf(cell: CellId): Place {
  const [latDegrees, lonDegrees] = cellToLatLng(cell);
  return {latDegrees, lonDegrees};
}

/** The corners of a cell, null when the name is no cell. */
export function cornersOf(cell: CellId): Corners | null {
  return isValidCell(cell) ? cellToBoundary(cell).map(([lat, lon]): readonly [number, number] => [lat, lon]) : null;
}

/** The corners of every cell of a table. */
export function cornersOfTable(table: CellTable): readonly Corners[] {
  return table.cells.map((c) => cornersOf(c) ?? []);
}

/** Whether a text is the name of a cell. */
export function isCell(text: string): boolean {
  return isValidCell(text);
}

/** The closed rings around cells of one resolution; names of nothing are left out. */
export function ringsAround(cells: readonly CellId[]): readonly (readonly LonLat[])[] {
  return cellsToMultiPolygon(cells.filter((c) => isValidCell(c)), true)
    .flatMap((polygon) => polygon.map((ring) => ring.map(([lon, lat]): LonLat => [lon, lat])));
}

/** How fine the grid of a cell is. */
export function resolutionOf(cell: CellId): number {
  return getResolution(cell);
}

/** The cell itself or its parent, at a resolution that is not finer. */
export function atResolution(cell: CellId, resolution: Resolution): CellId {
  return getResolution(cell) <= resolution ? cell : cellToParent(cell, resolution);
}

/** Says of each cell in which area its centre lies. */
export function placed(table: CellTable, areas: readonly Area[]): PlacedTable {
  return {...table, areas: table.cells.map((c) => (isValidCell(c) ? areaAt(areas, centreOf(c)) : null))};
}
