export { deletionRequest } from './deletion-request.ts';
export { exportRequest } from './export-request.ts';
export { housekeeping } from './housekeeping.ts';
export { processorDeletion } from './processor-deletion.ts';
export { processorExport } from './processor-export.ts';
export { suppressionChange } from './suppression-change.ts';
export { telling } from './telling.ts';
