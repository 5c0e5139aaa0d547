const GENERATED: readonly string[] = ['node_modules', 'coverage', 'dist', 'histories'];

/** Whether a folder of this name can contain handwritten files. Hidden folders do not count. */
export const isHandwritten = (folder: string): boolean => !folder.startsWith('.') && !GENERATED.includes(folder);
