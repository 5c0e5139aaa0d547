export { deletionRequest } from './deletion-request.ts';
export { housekeeping } from './housekeeping.ts';
export { processorDeletion } from './processor-deletion.ts';
export { suppressionChange } from './suppression-change.ts';
export { telling } from './telling.ts';
