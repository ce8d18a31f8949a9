// Declares the type of a JSON value.

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
