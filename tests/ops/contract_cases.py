"""Cases of contractions: products of every rank, layouts, empty sizes, integers, errors."""

# ruff: noqa: E501

SHAPES = [
    (3,),
    (2, 3),
    (3, 4),
    (2, 2, 3),
    (2, 3, 4),
    (4, 1, 2, 3),
    (1, 2, 3, 2),
    (0, 3),
    (3, 0),
    (2, 0, 3),
    (5, 3),
    (1, 1),
]


def made(name: str, shape: tuple[int, ...], tail: str = "") -> str:
    count = 1
    for n in shape:
        count *= n
    return f"{name} = ((torch.arange({count}) * 7 % 11).reshape({shape}) - 4){tail}"


A, B = made("a", (2, 3), ".float()"), made("b", (3, 4), ".float()")

LIKE_TORCH = [
    *(
        f"{made('a', p, '.double()')}; {made('b', q, '.double()')}; a @ b"
        for p in SHAPES
        for q in SHAPES
        if (p, q) != ((3,), (2, 0, 3))
    ),
    *(
        f"{made('a', (2, 3), f'.{kind}()')}; {made('b', (3, 4), f'.{kind}()')}; a @ b"
        for kind in (
            "float",
            "double",
            "half",
            "bfloat16",
            "long",
            "int",
            "short",
            "char",
            "byte",
            "bool",
        )
    ),
    *(
        f"{made('a', (2, 3), f'.{kind}()')}; {made('b', (3,), f'.{kind}()')}; a @ b"
        for kind in ("long", "int", "half", "bfloat16", "byte")
    ),
    *(
        f"{A}; {B}; {call}"
        for call in (
            "a.mm(b)",
            "torch.mm(a, b)",
            "a.mm(b[:, 0])",
            "a.mm(a)",
            "a.mm(b.double())",
            "a.mm(b.int())",
            "a.matmul(b)",
            "torch.matmul(a, b)",
            "a @ b.t()",
            "a.t() @ a",
            "a @ a.t()",
            "b.t() @ a.t()",
            "b.t().mm(a.t())",
            "a[:, ::2] @ b[::2]",
            "a[:, 1:] @ b[1:, ::3]",
            "a.expand(2, 2, 3) @ b",
            "a.expand(3, 2, 3).bmm(b.expand(3, 3, 4))",
            "a[None].bmm(b[None])",
            "a.bmm(b)",
            "a[None].bmm(b)",
            "a[None].bmm(a[None])",
            "a.expand(2, 2, 3).bmm(b[None])",
            "a.expand(2, 2, 3).transpose(1, 2).bmm(a.expand(2, 2, 3))",
            "a @ 3",
            "a @ torch.tensor(3.)",
            "torch.tensor(3.) @ a",
            "a[0] @ b",
            "a[0] @ a[0]",
            "a[0] @ b[:, 0]",
            "a[0] @ b[0]",
            "a @ b[:, 1]",
            "a @ b[0]",
            "a[0].dot(a[1])",
            "torch.dot(a[0], b[0])",
            "torch.dot(a, a)",
            "torch.dot(a[0], a[1].double())",
            "a[0].dot(a[1].int())",
            "torch.vdot(a[0], a[1])",
            "a.mv(b[:, 0])",
            "a.mv(b[0])",
            "a.mv(a)",
            "torch.mv(a, a[0])",
            "a[0].outer(b[0])",
            "torch.outer(a, b)",
            "torch.ger(a[0], b[0])",
            "torch.inner(a, a)",
            "torch.inner(a[0], a[1])",
            "torch.inner(a, torch.tensor(2.))",
            "torch.inner(a, b)",
            "torch.addmm(torch.ones(2, 4), a, b)",
            "torch.addmm(torch.ones(4), a, b, beta=2, alpha=0.5)",
            "torch.ones(2, 4).addmm(a, b, beta=0)",
            "torch.addmm(torch.full((4,), float('nan')), a, b, beta=0)",
            "torch.addmm(torch.ones(3), a, b)",
            "torch.ones(2, 4).addmm_(a, b)",
            "torch.addmv(torch.ones(2), a, a[0])",
            "torch.addr(torch.ones(2, 3), a[:, 0], a[0])",
            "torch.baddbmm(torch.ones(1, 2, 4), a[None], b[None])",
            "torch.baddbmm(torch.ones(4), a[None], b[None], beta=0.5, alpha=2)",
            "torch.addbmm(torch.ones(2, 4), a[None], b[None])",
            "torch.nn.functional.linear(a, b.t())",
            "torch.nn.functional.linear(a, b.t(), torch.ones(4))",
            "torch.nn.functional.linear(a[0], b.t(), torch.ones(4))",
            "torch.nn.functional.linear(a[None, None], b.t(), torch.ones(4))",
            "torch.nn.functional.linear(a, b)",
            "torch.nn.functional.linear(a, b.t(), torch.ones(3))",
            "torch.nn.functional.linear(a, b[:, 0])",
            "torch.nn.functional.linear(a, b.t().double())",
            "torch.nn.functional.linear(a, b.t(), torch.ones(4).double())",
            "torch.nn.functional.linear(a.t(), torch.ones(5, 2))",
            "torch.nn.functional.linear(a[:0], b.t(), torch.ones(4))",
            "torch.nn.functional.linear(a[:, :0], b.t()[:, :0], torch.ones(4))",
            "torch.nn.functional.linear(torch.tensor(1.), b)",
            "torch.nn.functional.linear(a.transpose(0, 1)[None].expand(2, 3, 2), torch.arange(6.).reshape(2, 3).t())",
            "torch.einsum('ij,jk->ik', a, b)",
            "torch.einsum('ij->ji', a)",
            "torch.einsum('ij->', a)",
            "torch.einsum('ij->j', a)",
            "torch.einsum('ii->i', b[:, :3])",
            "torch.einsum('ii', b[:, :3])",
            "torch.einsum('ij,ij->i', a, a)",
            "torch.einsum('i,j->ij', a[0], b[0])",
            "torch.einsum('ij,jk', a, b)",
            "torch.einsum('bij,bjk->bik', a[None], b[None])",
            "torch.einsum('...ij,jk->...ik', a[None], b)",
            "torch.einsum('ij,jk,k->i', a, b, b[0])",
            "torch.einsum('ij,kj->ik', [a, a])",
            "torch.einsum('ij,jk->ijk', a, b).contiguous()",
            "torch.einsum('bhid,bhjd->bhij', a[None, None], a[None, None])",
            "torch.tensordot(a, b, 1)",
            "torch.tensordot(a, b, dims=([1], [0]))",
            "torch.tensordot(a, a, 2)",
            "torch.kron(a, b)",
            "torch.cdist(a, a + 1)",
            "torch.matrix_power(b[:, :3], 3)",
            "torch.bmm(a.expand(2, 2, 3), b.expand(2, 3, 4), out=torch.zeros(2, 2, 4))",
            "torch.mm(a, b, out=torch.zeros(2, 4))",
            "torch.matmul(a, b, out=torch.zeros(0))",
            "torch.mm(input=a, mat2=b)",
            "torch.matmul(input=a, other=b)",
            "a @ [1]",
            "a.mm(b).stride()",
            "(a @ b.t().contiguous().t()).stride()",
            "a.__rmatmul__(b.t())",
            "a.int().float() @ b",
            "(a[:0] @ b).shape",
            "a[:, :0] @ b[:0]",
            "a @ b[:, :0]",
        )
    ),
]
