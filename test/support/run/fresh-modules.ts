import { vi } from 'vitest';

// Runs before each test file. Test files share a process and its packages, but not the state of modules.
vi.resetModules();
