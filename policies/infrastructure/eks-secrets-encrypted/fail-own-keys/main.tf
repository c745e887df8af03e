resource "aws_eks_cluster" "shop" { # expect[no-own-key low certain]: Secrets of `aws_eks_cluster.shop` are not encrypted with a key of one's own: it has no `encryption_config`
  name    = "shop"
  version = "1.33"
}

module "off" { # expect[no-own-key]: Secrets of `module.off`
  source             = "terraform-aws-modules/eks/aws"
  version            = "~> 21.0"
  kubernetes_version = "1.33"
  encryption_config  = null
}

module "no_key" { # expect[no-own-key]: Secrets of `module.no_key`
  source         = "terraform-aws-modules/eks/aws"
  version        = "~> 21.0"
  create_kms_key = false
}

module "eks" {
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 21.0"
}

module "own" {
  source            = "terraform-aws-modules/eks/aws"
  version           = "~> 21.0"
  create_kms_key    = false
  encryption_config = { provider_key_arn = aws_kms_key.eks.arn, resources = ["secrets"] }
}
