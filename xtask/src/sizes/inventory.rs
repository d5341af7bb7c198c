//! What a file consists of: its functions and its unsafe code, tests left out.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, ExprUnsafe, ImplItemFn, Item, ItemFn, ItemImpl, Signature, TraitItemFn};

use crate::source::{is_test_only, item_attributes, lines_of};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Where its signature starts.
    pub(crate) line: usize,
    /// From the signature to the closing brace; 0 if it has no body.
    pub(crate) lines: usize,
    /// `self` is one of them, as for clippy. What a foreign caller hands over is not counted: it is not ours to choose.
    pub(crate) arguments: usize,
}

/// What the files of a crate add up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UnsafeCount {
    pub(crate) blocks: usize,
    pub(crate) functions: usize,
    pub(crate) impls: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Inventory {
    pub(crate) functions: Vec<Function>,
    pub(crate) unsafe_code: UnsafeCount,
}

impl Inventory {
    pub(crate) fn of(file: &syn::File) -> Self {
        let mut inventory = Self::default();
        inventory.visit_file(file);
        inventory
    }

    fn note(&mut self, signature: &Signature, body: Option<&Block>) {
        let line = signature.span().start().line;
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: body.map_or(0, |body| lines_of(body.span()).end() - line + 1),
            arguments: if signature.abi.is_some() { 0 } else { signature.inputs.len() },
        });
        self.unsafe_code.functions += usize::from(signature.unsafety.is_some());
    }
}

impl<'ast> Visit<'ast> for Inventory {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(item_attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.note(&function.sig, Some(&function.block));
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, method: &'ast ImplItemFn) {
        if !is_test_only(&method.attrs) {
            self.note(&method.sig, Some(&method.block));
            visit::visit_impl_item_fn(self, method);
        }
    }

    fn visit_trait_item_fn(&mut self, method: &'ast TraitItemFn) {
        self.note(&method.sig, method.default.as_ref());
        visit::visit_trait_item_fn(self, method);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        self.unsafe_code.impls += usize::from(item.unsafety.is_some());
        visit::visit_item_impl(self, item);
    }

    fn visit_expr_unsafe(&mut self, expression: &'ast ExprUnsafe) {
        self.unsafe_code.blocks += 1;
        visit::visit_expr_unsafe(self, expression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn inventory(text: &str) -> Inventory {
        Inventory::of(&Source::snippet(text).syntax)
    }

    #[test]
    fn functions_are_measured_from_signature_to_brace() {
        let found =
            inventory("/// Doc.\n#[inline]\nfn a(\n    x: u8,\n    y: u8,\n) {\n    drop((x, y));\n}\n");
        let expected = Function { name: "a".to_owned(), line: 3, lines: 6, arguments: 2 };
        assert_eq!(found.functions, [expected]);
    }

    #[test]
    fn methods_nested_functions_and_bare_declarations_are_seen() {
        let found = inventory("trait T { fn bare(&self); }\nimpl A { fn m(&self) { fn inner() {} } }\n");
        let names: Vec<_> = found.functions.iter().map(|it| (it.name.as_str(), it.lines)).collect();
        assert_eq!(names, [("bare", 0), ("m", 1), ("inner", 1)]);
    }

    #[test]
    fn what_a_foreign_caller_hands_over_is_not_counted() {
        let found = inventory("extern \"system\" fn told(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {}\n");
        assert_eq!(found.functions[0].arguments, 0);
    }

    #[test]
    fn unsafe_code_outside_tests_is_counted() {
        let found = inventory(
            "unsafe fn f() { unsafe { g() } }\nunsafe impl Send for A {}\n#[cfg(test)]\nmod tests { fn t() { unsafe { g() } } }\n",
        );
        assert_eq!(found.unsafe_code, UnsafeCount { blocks: 1, functions: 1, impls: 1 });
        assert_eq!(found.functions.len(), 1);
    }
}
