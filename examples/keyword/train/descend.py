"""The training loop of this example and of the wake word's."""
import copy
import time

import torch


def descend(model, count, loss_of, args, random, share, held=lambda average: "", pruning=None):
    """Trains `model` on `count` examples -> the moving average of its weights, which is what is exported.

    loss_of(places) is the loss of a batch of examples; args has epochs, batch, rate and checkpoint; `share` is that
    of a step's weights in the average; held(average) is printed after every epoch's loss. A `pruning` takes blocks of
    weights out on the way.
    """
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.02)
    steps = args.epochs * (count // args.batch)
    rising = 0.05 if pruning else 0.15  # a trained model needs no long start
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.rate, steps, pct_start=rising)
    average = copy.deepcopy(model)
    start, step = time.time(), 0
    for epoch in range(args.epochs):
        model.train()
        order, total = torch.randperm(count, generator=random), 0.0
        for at in range(0, count - args.batch + 1, args.batch):
            loss = loss_of(order[at : at + args.batch])
            optimiser.zero_grad()
            loss.backward()
            if pruning:
                pruning.observe()
            optimiser.step()
            schedule.step()
            step += 1
            if pruning:
                pruning.cut(step / steps)
                pruning.apply(model)
            total += loss.item() * args.batch
            # A model that is pruned is no part of the average as it was before.
            fresh = max(share, 1 / (step + 1)) if pruning else share
            with torch.no_grad():
                for mean, now in zip(average.state_dict().values(), model.state_dict().values()):
                    mean.lerp_(now, fresh) if mean.is_floating_point() else mean.copy_(now)
        if pruning:
            pruning.apply(average)
        torch.save(average.state_dict(), args.checkpoint)
        loss = total / count
        print(f"epoch {epoch + 1}: loss {loss:.4f}{held(average)}, {time.time() - start:.0f} s", flush=True)
    if pruning:
        print("blocks left, in percent:", pruning.left())
    return average
