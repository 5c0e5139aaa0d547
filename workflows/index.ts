export { collectFromSystem } from './export/collect-from-system.ts';
export { deleteFromSystem } from './deletion/delete-from-system.ts';
export { deliverNotifications } from './deliver-notifications.ts';
export { fulfillDeletion } from './deletion/workflow.ts';
export { fulfillExport } from './export/workflow.ts';
export { propagateSuppression } from './propagate-suppression.ts';
export { recoverStalledWork } from './recover-stalled-work.ts';
export { watchSystem } from './watch-system.ts';
