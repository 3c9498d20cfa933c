/** What of ECharts reports use: fetched with the first chart, never with the page. */
import {BarChart, LineChart} from 'echarts/charts';
import {AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent} from 'echarts/components';
import {init, use, type EChartsCoreOption, type EChartsType} from 'echarts/core';
import {SVGRenderer} from 'echarts/renderers';

use([LineChart, BarChart, GridComponent, LegendComponent, TooltipComponent, MarkLineComponent, AriaComponent, SVGRenderer]);

/** A chart on the page. */
export type Drawn = EChartsType;

/** Draws a chart into an element, as SVG so that it prints sharp. */
export function draw(element: HTMLElement, option: EChartsCoreOption): Drawn {
  const chart = init(element, null, {renderer: 'svg'});
  chart.setOption(option);
  return chart;
}

/** A chart as the text of an SVG document, without the page. */
export function drawn(option: EChartsCoreOption, widthPixels: number, heightPixels: number): string {
  const chart = init(null, null, {renderer: 'svg', ssr: true, width: widthPixels, height: heightPixels});
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
