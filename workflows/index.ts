export { deletionRequest } from './deletion/workflow.ts';
export { exportRequest } from './export/workflow.ts';
export { housekeeping } from './housekeeping.ts';
export { processorDeletion } from './deletion/batch.ts';
export { processorExport } from './export/collection.ts';
export { suppressionChange } from './suppression.ts';
export { telling } from './notifications.ts';
