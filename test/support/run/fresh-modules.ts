import { vi } from 'vitest';

// Runs before each test file: files share a process and its packages, and none sees the state of another's modules.
vi.resetModules();
