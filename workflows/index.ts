export { deletionRequest } from './deletion/workflow.ts';
export { deliverNotifications } from './notifications.ts';
export { exportRequest } from './export/workflow.ts';
export { housekeeping } from './housekeeping.ts';
export { systemDeletion } from './deletion/batch.ts';
export { systemExport } from './export/collection.ts';
export { propagateSuppression } from './suppression.ts';
