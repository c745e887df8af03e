resource "aws_eks_cluster" "none" { # expect[missing medium certain]: `aws_eks_cluster.none` does not log `audit` and `authenticator`
  name     = "shop"
  role_arn = aws_iam_role.cluster.arn
  version  = "1.33"

  vpc_config {
    subnet_ids = var.subnets
  }
}

resource "aws_eks_cluster" "some" {
  name                      = "shop"
  enabled_cluster_log_types = ["api", "audit", "scheduler"] # expect[missing]: `aws_eks_cluster.some` does not log `authenticator`
}

module "old" { # expect[missing]: `module.old` does not log
  source  = "terraform-aws-modules/eks/aws"
  version = "~> 17.24"
}

module "off" {
  source                    = "terraform-aws-modules/eks/aws"
  version                   = "~> 20.0"
  cluster_enabled_log_types = [] # expect[missing]: `module.off` does not log
}

module "new" {
  source            = "terraform-aws-modules/eks/aws"
  version           = "21.19.0"
  enabled_log_types = ["api"] # expect[missing]: `module.new` does not log
}
