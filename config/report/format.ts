import { junitReport } from './junit.ts';
import type { Report } from './report.ts';
import { sarifReport } from './sarif.ts';
import { textReport } from './text.ts';

const FORMATS = { text: textReport, junit: junitReport, sarif: sarifReport } as const;

export type ReportFormat = keyof typeof FORMATS;

export const isReportFormat = (text: string): text is ReportFormat => Object.hasOwn(FORMATS, text);

export const formatReport = (report: Report, format: ReportFormat): string => FORMATS[format](report);
