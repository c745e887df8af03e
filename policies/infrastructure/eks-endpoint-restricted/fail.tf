# EKS' defaults.
resource "aws_eks_cluster" "default" {
  name     = "shop"
  role_arn = aws_iam_role.cluster.arn

  vpc_config { # expect[open high certain]: everybody reaches the API of `aws_eks_cluster.default`: it is public for `0.0.0.0/0`, which is the default, and the nodes reach it by its public address too
    subnet_ids = var.subnets
  }
}

resource "aws_eks_cluster" "both" {
  name = "shop"

  vpc_config {
    subnet_ids              = var.subnets
    endpoint_private_access = true
    endpoint_public_access  = true # expect[public medium certain]: everybody reaches the API of `aws_eks_cluster.both`: it is public for `0.0.0.0/0`, which is the default
  }
}

resource "aws_eks_cluster" "ranges" {
  name = "shop"

  vpc_config {
    endpoint_private_access = true
    endpoint_public_access  = true
    public_access_cidrs     = ["203.0.113.0/24", "0.0.0.0/0"] # expect[public]: it is public for `0.0.0.0/0`, which is the internet
  }
}

# Nobody writes that by chance.
resource "aws_eks_cluster" "halves" {
  name = "shop"

  vpc_config {
    endpoint_private_access = true
    public_access_cidrs     = ["0.0.0.0/1", "128.0.0.0/1"] # expect[public]: it is public for `0.0.0.0/1` and `128.0.0.0/1`
  }
}

resource "aws_eks_cluster" "not_private" {
  name = "shop"

  vpc_config { # expect[not-private low certain]: nodes of `aws_eks_cluster.not_private` reach the API by its public address: `endpoint_private_access` is off
    public_access_cidrs = ["203.0.113.0/24"]
  }
}

module "old" { # expect[open]: everybody reaches the API of `module.old`
  source  = "terraform-aws-modules/eks/aws"
  version = "18.31.2"
}

module "public" {
  source                         = "terraform-aws-modules/eks/aws"
  version                        = "~> 20.0"
  cluster_endpoint_public_access = true # expect[public]: everybody reaches the API of `module.public`
}

module "new" {
  source                       = "terraform-aws-modules/eks/aws"
  version                      = "~> 21.0"
  endpoint_public_access       = true
  endpoint_private_access      = false
  endpoint_public_access_cidrs = ["::/0"] # expect[open]: it is public for `::/0`
}
