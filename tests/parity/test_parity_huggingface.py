"""Our methods against the independent implementations in Hugging Face Transformers, on random weights."""

import pytest
import torch

from pretrain.checkpoint.load import load_state, open_checkpoint
from pretrain.mask import Mask
from pretrain.registry import MODELS, register_all
from pretrain.targets.base import Target

transformers = pytest.importorskip('transformers')
pytestmark = pytest.mark.parity
register_all()


@MODELS.register_module()
class GivenIds(Target):
    """Stands for a tokenizer: ids come from outside."""

    def __init__(self, vocabulary, **shape):
        super().__init__(vocabulary, **shape)


def load_encoder(model, hf, folder, arch_args):
    """Through the file and the reader, as a user would."""
    path = folder / 'pytorch_model.bin'
    torch.save(hf.state_dict(), path)
    report = load_state(model.encoder.net, open_checkpoint(path, arch_args=arch_args))
    assert report.coverage == 1
    return report


def rename_decoder_block(state, i):
    """Hugging Face's ViT block to timm's: three projections become one."""
    pre = f'decoder.decoder_layers.{i}.'
    attention = (
        f'{pre}attention.attention.' if f'{pre}attention.attention.query.weight' in state else f'{pre}attention.'
    )
    out = {}
    for kind in ('weight', 'bias'):
        names = [n for n in ('query', 'key', 'value') if f'{attention}{n}.{kind}' in state] or [
            'q_proj',
            'k_proj',
            'v_proj',
        ]
        out[f'attn.qkv.{kind}'] = torch.cat([state[f'{attention}{n}.{kind}'] for n in names])
        for ours, theirs in (
            ('attn.proj', ('attention.output.dense', 'attention.o_proj')),
            ('mlp.fc1', ('intermediate.dense', 'mlp.fc1', 'mlp.up_proj')),
            ('mlp.fc2', ('output.dense', 'mlp.fc2', 'mlp.down_proj')),
            ('norm1', ('layernorm_before',)),
            ('norm2', ('layernorm_after',)),
        ):
            out[f'{ours}.{kind}'] = next(state[f'{pre}{t}.{kind}'] for t in theirs if f'{pre}{t}.{kind}' in state)
    return out


def test_mae_loss_and_prediction(tmp_path):
    torch.manual_seed(0)
    config = transformers.ViTMAEConfig(
        image_size=32,
        patch_size=8,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=192,
        decoder_hidden_size=32,
        decoder_num_hidden_layers=2,
        decoder_num_attention_heads=4,
        decoder_intermediate_size=128,
        mask_ratio=0.75,
        norm_pix_loss=True,
        layer_norm_eps=1e-6,
    )
    hf = transformers.ViTMAEForPreTraining(config).eval()
    torch.nn.init.normal_(hf.decoder.decoder_pos_embed, std=0.5)  # left at zero by its constructor
    ours = MODELS.build(
        dict(
            type='MaskedModel',
            image_size=32,
            masking=dict(type='RandomMasking', ratio=0.75),
            encoder=dict(
                type='ViTEncoder',
                arch='vit_base_patch16_224',
                patch_size=8,
                embed_dim=48,
                depth=2,
                num_heads=3,
                masked='drop',
                position='sincos-xy',
            ),
            head=dict(type='TransformerDecoder', width=32, depth=2, heads=4),
            target=dict(type='Pixels', normalise='patch'),
            loss=dict(type='MSE', on='masked'),
        )
    ).eval()
    load_encoder(ours, hf, tmp_path, {'num_heads': 3})
    state = hf.state_dict()
    head = {
        'embed.weight': state['decoder.decoder_embed.weight'],
        'embed.bias': state['decoder.decoder_embed.bias'],
        'mask_token': state['decoder.mask_token'],
        'position': state['decoder.decoder_pos_embed'],
        'norm.weight': state['decoder.decoder_norm.weight'],
        'norm.bias': state['decoder.decoder_norm.bias'],
        'prediction.weight': state['decoder.decoder_pred.weight'],
        'prediction.bias': state['decoder.decoder_pred.bias'],
    }
    for i in range(2):
        head |= {f'blocks.{i}.{k}': v for k, v in rename_decoder_block(state, i).items()}
    ours.head.load_state_dict(head, strict=True)

    images, noise = torch.randn(3, 3, 32, 32), torch.rand(3, 16)
    with torch.no_grad():
        theirs = hf(images, noise=noise)
        mask = Mask(theirs.mask.to(torch.uint8), ours.grid, 4, 12)
        prediction, _ = ours.reconstruct(images, mask)
        goal = ours.targets[0]({'image': images}, mask)
        loss = ours.losses[0](prediction, goal, mask)
    assert torch.allclose(prediction, theirs.logits, atol=1e-5)
    assert abs(loss - theirs.loss) < 1e-5


def simmim(encoder, patch):
    return MODELS.build(
        dict(
            type='MaskedModel',
            image_size=32,
            masking=dict(type='RandomMasking', ratio=0.5, unit=patch),
            encoder=encoder,
            head=dict(type='PixelShuffleHead'),
            target=dict(type='Pixels', normalise='none'),
            loss=dict(type='L1', on='masked'),
        )
    ).eval()


def compare_simmim(ours, hf, grid_of_hf):
    """Same mask, same image: same reconstruction and loss."""
    torch.manual_seed(1)
    images = torch.randn(2, 3, 32, 32)
    state = torch.zeros(2, ours.grid.num_tokens, dtype=torch.uint8)
    state[:, torch.randperm(ours.grid.num_tokens)[: ours.grid.num_tokens // 2]] = 1
    mask = Mask(state, ours.grid).on(ours.encoder.grid)
    with torch.no_grad():
        theirs = hf(images, bool_masked_pos=Mask(state, ours.grid).on(grid_of_hf).predict)
        prediction, on_head = ours.reconstruct(images, mask)
        loss = ours.losses[0](prediction, ours.targets[0]({'image': images}, on_head), on_head)
    assert torch.allclose(ours.grid.unpatchify(prediction), theirs.reconstruction, atol=1e-5)
    assert abs(loss - theirs.loss) < 1e-5


def test_simmim_swin(tmp_path):
    torch.manual_seed(0)
    config = transformers.SwinConfig(
        image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4, encoder_stride=8
    )
    hf = transformers.SwinForMaskedImageModeling(config).eval()
    ours = simmim(
        dict(
            type='SwinEncoder',
            arch='swin_tiny_patch4_window7_224',
            embed_dim=16,
            depths=(2, 2),
            num_heads=(2, 4),
            window_size=4,
        ),
        8,
    )
    load_encoder(ours, hf, tmp_path, {'num_heads': [2, 4], 'window_size': 4, 'img_size': [32, 32]})
    ours.encoder.mask_token.data = hf.swin.embeddings.mask_token.data
    ours.head.projection.load_state_dict(hf.decoder[0].state_dict())
    compare_simmim(ours, hf, ours.encoder.grid)


def test_simmim_vit(tmp_path):
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        image_size=32,
        patch_size=8,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=192,
        encoder_stride=8,
        layer_norm_eps=1e-6,
    )
    hf = transformers.ViTForMaskedImageModeling(config).eval()
    encoder = dict(
        type='ViTEncoder',
        arch='vit_base_patch16_224',
        patch_size=8,
        embed_dim=48,
        depth=2,
        num_heads=3,
        masked='token',
    )
    ours = simmim(encoder, 8)
    load_encoder(ours, hf, tmp_path, {'num_heads': 3})
    ours.encoder.mask_token.data = hf.vit.embeddings.mask_token.data
    ours.head.projection.load_state_dict(hf.decoder[0].state_dict())
    compare_simmim(ours, hf, ours.grid)


def test_beit_logits_and_loss(tmp_path):
    torch.manual_seed(0)
    config = transformers.BeitConfig(
        image_size=32,
        patch_size=8,
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=192,
        vocab_size=50,
        use_mask_token=True,
        use_shared_relative_position_bias=True,
        use_absolute_position_embeddings=False,
        layer_scale_init_value=0.1,
        use_mean_pooling=True,
        drop_path_rate=0.0,
        layer_norm_eps=1e-6,
    )
    hf = transformers.BeitForMaskedImageModeling(config).eval()
    for name, parameter in hf.named_parameters():
        if 'relative_position_bias_table' in name or 'mask_token' in name or 'cls_token' in name:
            torch.nn.init.normal_(parameter, std=0.2)
    ours = MODELS.build(
        dict(
            type='MaskedModel',
            image_size=32,
            masking=dict(type='BlockMasking', count=6, min_block=2),
            encoder=dict(
                type='ViTEncoder',
                arch='beit_base_patch16_224',
                patch_size=8,
                embed_dim=48,
                depth=2,
                num_heads=3,
                masked='token',
                position='relative',
                use_abs_pos_emb=False,
                use_rel_pos_bias=True,
                init_values=0.1,
            ),
            head=dict(type='LinearHead', masked_only=True),
            target=dict(type='GivenIds', vocabulary=50),
            loss=dict(type='CrossEntropy', on='masked'),
        )
    ).eval()
    load_encoder(ours, hf, tmp_path, {'num_heads': 3})
    state = hf.state_dict()
    mask_name = next(n for n in state if n.endswith('embeddings.mask_token'))
    ours.encoder.mask_token.data = state[mask_name]
    head_name = next(n for n in state if n.startswith('lm_head') and n.endswith('weight')).removesuffix('.weight')
    ours.head.prediction.weight.data = state[f'{head_name}.weight']
    ours.head.prediction.bias.data = state[f'{head_name}.bias']

    images, ids = torch.randn(4, 3, 32, 32), torch.randint(50, (4, 16))
    mask = ours.masking(ours.encoder.grid, 4)
    with torch.no_grad():
        theirs = hf(images, bool_masked_pos=mask.predict, labels=ids[mask.predict])
        prediction, _ = ours.reconstruct(images, mask)
        loss = ours.losses[0](prediction, ids, mask)
    padding = mask.predict_padding if mask.predict_padding is not None else torch.zeros_like(mask.predict_index).bool()
    logits = theirs.logits[:, -16:]
    assert torch.allclose(prediction[~padding], logits[mask.predict], atol=1e-5)
    assert abs(loss - theirs.loss) < 1e-5
