// Counters and timings for those who collect them.

/** Where numbers go. */
export interface MetricsCollector {
  incrementCounter(name: string, value?: number, tags?: Record<string, string>): void;
  recordGauge(name: string, value: number, tags?: Record<string, string>): void;
  recordHistogram(name: string, value: number, tags?: Record<string, string>): void;
}

/** Lets `record` write into `metrics`. A collector that throws is reported on the console and disturbs nothing. */
export function measure(metrics: MetricsCollector | undefined, record: (into: MetricsCollector) => void): void {
  if (metrics === undefined) return;
  try {
    record(metrics);
  } catch (error) {
    console.error('Error in metrics collector:', error);
  }
}
