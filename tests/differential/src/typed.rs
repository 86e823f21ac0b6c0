//! Typed function references, which wasm-smith has only together with garbage collection: rewrites a module's calls so
//! that they go through such references, in several ways.
//!
//!     call f   becomes   ref.func f   ...   call_ref (type of f)

use crate::generate::Random;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{BlockType, CodeSection, Function, HeapType, Instruction, Module, RefType, ValType};
use wasmparser::{FunctionBody, Operator, Parser, Payload, TypeRef};

struct Rewriter {
    random: Random,
    /// By index of function.
    types: Vec<u32>,
    next_body: usize,
    params: Vec<usize>,
}

impl Reencode for Rewriter {
    type Error = std::convert::Infallible;

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), reencode::Error<Self::Error>> {
        let mut locals = Vec::new();
        let mut local_count = self.params[self.types[self.next_body] as usize] as u32;
        self.next_body += 1;
        for pair in body.get_locals_reader()? {
            let (count, ty) = pair?;
            locals.push((count, self.val_type(ty)?));
            local_count += count;
        }
        let mut instructions = Vec::new();
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            match reader.read()? {
                Operator::Call { function_index } => {
                    self.reference(function_index, &mut locals, &mut local_count, &mut instructions);
                    instructions.push(Instruction::CallRef(self.types[function_index as usize]));
                }
                Operator::ReturnCall { function_index } => {
                    self.reference(function_index, &mut locals, &mut local_count, &mut instructions);
                    instructions.push(Instruction::ReturnCallRef(self.types[function_index as usize]));
                }
                other => instructions.push(self.instruction(other)?),
            }
        }
        let mut function = Function::new(locals);
        for instruction in &instructions {
            function.instruction(instruction);
        }
        code.function(&function);
        Ok(())
    }
}

impl Rewriter {
    /// Leaves a reference to a function on the stack.
    fn reference<'a>(
        &mut self,
        function: u32,
        locals: &mut Vec<(u32, ValType)>,
        local_count: &mut u32,
        out: &mut Vec<Instruction<'a>>,
    ) {
        let heap_type = HeapType::Concrete(self.types[function as usize]);
        let of_type = |nullable| ValType::Ref(RefType { nullable, heap_type });
        let nullable = self.random.once_in(2);
        let get = Instruction::RefFunc(function);
        match self.random.below(6) {
            0 => out.push(get),
            1 => out.extend([get, Instruction::RefAsNonNull]),
            2 => {
                locals.push((1, of_type(nullable)));
                let local = *local_count;
                *local_count += 1;
                out.extend([get, Instruction::LocalSet(local), Instruction::LocalGet(local)]);
            }
            3 => out.extend([
                Instruction::Block(BlockType::Result(of_type(nullable))),
                get,
                Instruction::BrOnNonNull(0),
                Instruction::Unreachable,
                Instruction::End,
            ]),
            4 => {
                let null = self.random.once_in(4);
                let chosen = if null { Instruction::RefNull(heap_type) } else { get.clone() };
                out.extend([
                    Instruction::Block(BlockType::Result(of_type(nullable))),
                    Instruction::Block(BlockType::Empty),
                    chosen,
                    Instruction::BrOnNull(0),
                    Instruction::Br(1),
                    Instruction::End,
                    get,
                    Instruction::End,
                ]);
            }
            _ => {
                let other =
                    if self.random.once_in(20) { Instruction::RefNull(heap_type) } else { get.clone() };
                let choice = self.random.below(2) as i32;
                out.extend([
                    get,
                    other,
                    Instruction::I32Const(choice),
                    Instruction::TypedSelect(of_type(true)),
                ]);
            }
        }
    }
}

/// None where nothing can be rewritten, e.g. because the module is broken.
pub fn with_typed_calls(bytes: &[u8], seed: u64) -> Option<Vec<u8>> {
    let mut types = Vec::new();
    let mut params = Vec::new();
    let mut imported = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.ok()? {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group.ok()?.types() {
                        params.push(ty.unwrap_func().params().len());
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(ty) = import.ok()?.ty {
                        types.push(ty);
                        imported += 1;
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    types.push(ty.ok()?);
                }
            }
            _ => (),
        }
    }
    let mut module = Module::new();
    let mut rewriter = Rewriter { random: Random(seed ^ 0x7E47), types, next_body: imported, params };
    rewriter.parse_core_module(&mut module, Parser::new(0), bytes).ok()?;
    Some(module.finish())
}
